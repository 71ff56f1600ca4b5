"""What a person may ask of the second door: to stop everything, and to see what stopping would do."""

from pathlib import Path
from typing import TYPE_CHECKING

from agenttrader.app.kill.halting import begin
from agenttrader.app.kill.settings import read_settings
from agenttrader.app.kill.wiring import at_door, local_halts, side_log, tell_gateway, who
from agenttrader.app.kill.wish import Wish
from agenttrader.model.plain_text import plain

if TYPE_CHECKING:
    from agenttrader.app.kill.plan import Look
    from agenttrader.app.kill.report import KillReport

LOCAL_SECONDS = 0.1
"""How long fence and switch have the processor to themselves; they take some milliseconds."""

REASON_CHARACTERS_MAX = 400
"""As JSON they are at most 2400 bytes, and a fence may have 4096."""


def kill(file: Path, wish: Wish, reason: str, seconds: float) -> "KillReport":
    """Halt the account of the configuration in `file`, and do what `wish` says for `seconds` at most.

    Raises ConfigurationError where what the fence needs of the configuration is not there; nothing was done
    then.
    """
    settings, by = read_settings(file), f"kill by {plain(who())}"
    # A fence longer than what is read of it would freeze every start to come.
    reason = plain(reason)[:REASON_CHARACTERS_MAX]
    begun = begin(local_halts(settings, by, reason), lambda: side_log(settings, "kill", by))
    for each in begun:
        each.wait(LOCAL_SECONDS)

    # From here on the gateway sends nothing: now there is time to load what asks it and the broker.
    import asyncio  # noqa: PLC0415

    from msgspec import structs  # noqa: PLC0415

    from agenttrader.app.kill.act import Kill  # noqa: PLC0415

    async def go() -> "KillReport":
        async with at_door(settings) as door:
            tell = lambda: tell_gateway(settings, by, reason)  # noqa: E731
            log = side_log(settings, "kill", by)
            return await Kill(begun=begun, tell=tell, door=door, log=log).run(wish, seconds)

    return structs.replace(asyncio.run(go()), single_person=settings.is_single_person())


def rehearse(file: Path, wish: Wish) -> tuple[str, ...]:
    """What `kill` would ask the broker for, as sentences; nothing is halted and nothing is asked for.

    Raises ConfigurationError as `kill` does, and Unreachable where the broker does not answer.
    """
    import asyncio  # noqa: PLC0415 - as for kill

    from agenttrader.app.kill.act import look_at  # noqa: PLC0415
    from agenttrader.app.kill.plan import next_acts, words_of  # noqa: PLC0415

    settings = read_settings(file)

    async def go() -> "Look":
        async with at_door(settings) as door:
            return await look_at(door())

    look = asyncio.run(go())
    cancels = [
        f"would cancel {words_of(order)} ({order.broker_order_id})" for order in next_acts(look, wish).cancel
    ]
    closes = [f"would close {each.quantity} {each.symbol}" for each in look.positions if wish.liquidate]
    return (*cancels, *closes)
