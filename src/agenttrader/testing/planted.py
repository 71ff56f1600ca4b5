"""Bugs that a trading gateway could have, to be planted: the worlds must find each within a thousand seeds.

Each function spoils one thing of the product, yields, and mends it (`testing.planting`). Its name is
the bug's; what it says is what is wrong then.
"""

from collections.abc import Iterator
from typing import Any

from agenttrader.adapters.alpaca.broker import AlpacaBroker
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import Unreachable
from agenttrader.testing.planting import PLANTED, planted, spoiled

__all__ = ["PLANTED"]


@planted("An order whose answer does not come is sent again.")
def resend_on_timeout() -> Iterator[None]:
    """In the adapter, where a connection stood and no answer came."""
    place = AlpacaBroker.__dict__["_place"]

    async def place_again(broker: Any, *given: Any) -> None:
        send = broker._connection.send  # noqa: SLF001 - a bug has no manners

        async def send_again(*request: Any, **more: Any) -> Any:
            try:
                return await send(*request, **more)
            except Unreachable:
                return await send(*request, **more)

        broker._connection.send = send_again  # noqa: SLF001 - as above
        try:
            await place(broker, *given)
        finally:
            broker._connection.send = send  # noqa: SLF001 - as above

    with spoiled(AlpacaBroker, "_place", place_again):
        yield


@planted("A halt file that is not there is no halt.")
def missing_switch_is_active() -> Iterator[None]:
    """In the switch that is a file."""
    read = FileHalt.__dict__["read"]

    def read_kindly(switch: FileHalt) -> SwitchReading:
        found: SwitchReading = read(switch)
        if "No such file" not in found.reason:
            return found
        return SwitchReading(name=found.name, state=TradingState.ACTIVE, reason="there is none")

    with spoiled(FileHalt, "read", read_kindly):
        yield
