"""What kill tells: of each act that halts, each order, each position, and what is left."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.authority import SINGLE_PERSON
from agenttrader.model.identifiers import BrokerOrderId, Symbol


class HaltFound(Struct, frozen=True, kw_only=True):
    """What came of one act that stops the gateway."""

    name: str
    done: bool
    said: str
    is_needed: bool


class OrderFound(Struct, frozen=True, kw_only=True):
    """What came of one order that worked: ended, left because nobody wanted it to end, or it still works."""

    broker_order_id: BrokerOrderId
    order: str
    part: str
    outcome: str
    said: str
    """Why the broker refused the last time it was asked; empty where it did not."""


class PositionFound(Struct, frozen=True, kw_only=True):
    """What came of one position."""

    symbol: Symbol
    quantity: Decimal
    left: Decimal
    unprotected: Decimal
    """The units of it that no resting stop faces."""
    said: str


class KillReport(Struct, frozen=True, kw_only=True):
    """One kill. It is done where everything needed was done and nothing that was asked for remains."""

    halts: tuple[HaltFound, ...]
    orders: tuple[OrderFound, ...]
    positions: tuple[PositionFound, ...]
    remains: tuple[str, ...]
    unreachable: str
    """Why the broker could not be asked; empty where it could."""
    side_journal: str
    """Why the side journal could not be written; empty where it could."""
    single_person: bool = False
    """Whether the profile is that of one person, who signs for two."""

    @property
    def is_done(self) -> bool:
        """Whether everything that was asked for has happened, by the broker's word."""
        return (
            not self.remains
            and not self.unreachable
            and all(halt.done for halt in self.halts if halt.is_needed)
        )

    def lines(self) -> Iterator[str]:
        """The report for a person: what halts, each order, each position, what is left."""
        for halt in self.halts:
            yield f"{halt.name:<10} {'done' if halt.done else 'NOT DONE'}: {halt.said}"
        for order in self.orders:
            said = f": {order.said}" if order.said else ""
            yield f"order      {order.outcome}: {order.order} ({order.part}, {order.broker_order_id}){said}"
        for position in self.positions:
            bare = f", {position.unprotected} UNPROTECTED" if position.unprotected else ""
            said = f": {position.said}" if position.said else ""
            yield f"position   {position.symbol}: {position.quantity} held, {position.left} left{bare}{said}"
        for sentence in self.remains:
            yield f"REMAINS    {sentence}"
        if self.unreachable:
            yield f"BROKER     could not be asked: {self.unreachable}"
            yield "           what halts stands all the same; call again, or end it at the broker"
        if self.side_journal:
            yield f"NOT NOTED  {self.side_journal}"
        if self.single_person:
            yield f"persons    {SINGLE_PERSON}: who resumes is the one who halted; no second one looks"
        yield "done" if self.is_done else "NOT DONE: call again until it is"
