"""What a person may ask of the second door: to stop everything, and to see what stopping would do."""

import asyncio
from pathlib import Path

from agenttrader.app.kill.plan import Look, Wish, next_acts, words_of
from agenttrader.app.kill.report import KillReport
from agenttrader.app.kill.wiring import read_settings, wire_kill

EVERYTHING = Wish(cancel_orders=True, liquidate=True, including_protective=True)


def kill(file: Path, wish: Wish, reason: str, seconds: float) -> KillReport:
    """Halt the account of the configuration in `file`, and do what `wish` says for `seconds` at most.

    Raises ConfigurationError where what it needs of the configuration is not there; nothing was done then.
    """
    settings = read_settings(file)

    async def go() -> KillReport:
        async with wire_kill(settings, reason) as found:
            return await found.run(wish, seconds)

    return asyncio.run(go())


def rehearse(file: Path, wish: Wish) -> tuple[str, ...]:
    """What `kill` would ask the broker for, as sentences; nothing is halted and nothing is asked for.

    Raises ConfigurationError as `kill` does, and Unreachable where the broker does not answer.
    """
    settings = read_settings(file)

    async def go() -> Look:
        async with wire_kill(settings, "a rehearsal") as found:
            return await found.look()

    look = asyncio.run(go())
    cancels = [
        f"would cancel {words_of(order)} ({order.broker_order_id})" for order in next_acts(look, wish).cancel
    ]
    closes = [f"would close {each.quantity} {each.symbol}" for each in look.positions if wish.liquidate]
    return (*cancels, *closes)
