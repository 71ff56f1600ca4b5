"""What was approved here and may still be sent: each counts, like an order of the gateway's that may fill.

It stands in the fold as an order of its own, which no broker has: so two proposals that each fit a limit are
not both approved. It counts until its proposal's time has passed, the day (UTC) has turned, or the gateway
has decided the order itself, which then counts in its stead.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import Struct, structs

from agenttrader.model.events import Decided, Withheld
from agenttrader.model.identifiers import OrderId, derive_order_id
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant, rfc3339
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.entries import Entries
from agenttrader.runtime.state import State

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Decided)


class _Held(Struct, frozen=True):
    order: Order
    day: str
    until: Instant | None
    entries: Entries
    """The sums of the trading day in which it was counted."""


class Reservations:
    """The approvals that count in `state`, which is the gateway's journal folded."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._chain = Chain()  # one of its own: none of this is on any record of the gateway's
        self._held: dict[OrderId, _Held] = {}
        """By the id that the gateway's own order would have."""

    @property
    def total(self) -> Decimal:
        """What they may cost, of which the broker knows nothing."""
        return sum((each.order.reserved for each in self._held.values()), Decimal(0))

    def hold(self, approved: Decided, now: Instant) -> None:
        """Count one that was approved at `now`."""
        name = derive_order_id("observed", approved.order_id, now)
        counted = structs.replace(approved, proposal=structs.replace(approved.proposal, id=name))
        self._state.apply(self._chain.seal(counted, now))
        order, until = self._state.book.orders.by_id[name], approved.proposal.valid_until
        self._held[approved.order_id] = _Held(order, _day(now), until, self._state.entries)

    def take_in(self, kept: Iterable[bytes], now: Instant) -> None:
        """Count those of a run before, as they were kept; `let_go` ends what is over."""
        for approved in map(_decoder.decode, kept):
            at = approved.decision.inputs.now or now
            if approved.order_id not in self._held and _day(at) == _day(now):
                self.hold(approved, at)

    def let_go(self, decided: OrderId, now: Instant) -> None:
        """Count no more what is over at `now`, what is `decided` anew, or what the gateway has on record."""
        orders = self._state.book.orders.by_id
        for name, held in tuple(self._held.items()):
            counts_anew = name == decided or name in orders
            if counts_anew and held.entries is self._state.entries:
                held.entries.forget(held.order)
            if counts_anew or held.day != _day(now) or (held.until is not None and held.until < now):
                over = Withheld(order_id=held.order.id, reason="what was approved here alone counts no more")
                self._state.apply(self._chain.seal(over, now))
                del self._held[name]


def kept_as(approved: Decided) -> bytes:
    """What `take_in` reads again after a restart."""
    return _encoder.encode(approved)


def _day(now: Instant) -> str:
    return rfc3339(now)[:10]
