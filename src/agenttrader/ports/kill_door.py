"""The second door: what kill and the sentinel may do at the broker. They may look, cancel and close.

There is nothing here that could send an order of ours, and whoever holds this port can name no other way out:
an import contract keeps order route, dispatcher and broker from them.
"""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.reports import BrokerPosition, StatedOrder
from agenttrader.model.times import Instant


class WorkingOrder(Struct, frozen=True, kw_only=True):
    """An order that is not over, as the broker states it, whoever sent it."""

    broker_order_id: BrokerOrderId
    symbol: Symbol
    """Empty for an order of several legs."""
    side: str
    type: str
    quantity: Decimal
    """What is left of it."""
    parent: BrokerOrderId | None = None
    """The order that it hangs on, while that works: it ends with it."""


class Closing(Struct, frozen=True, kw_only=True):
    """What came of asking for a close: why it was refused, or the order that the broker made of it."""

    refusal: str = ""
    order: StatedOrder | None = None
    """None where it was refused, and where nothing was held any more."""


class KillDoor(Protocol):
    """One account. Every call is bounded in time, and raises Unreachable where there is no usable answer."""

    async def orders(self) -> tuple[WorkingOrder, ...]:
        """Every order that is not over."""
        ...

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Everything that is held."""
        ...

    async def cancel(self, order: BrokerOrderId) -> str:
        """Ask for the end of an order; why it was refused, or an empty text. Asking twice does no harm."""
        ...

    async def close(self, symbol: Symbol) -> Closing:
        """Ask the broker to close the whole position, once. Raises Unsent where it cannot have arrived."""
        ...

    async def time(self) -> Instant:
        """The broker's own time, by which it times orders."""
        ...
