"""A listener of the watch's own at the exchange: every execution as the exchange tells it, lost by nobody.

From it comes what no exit may do: make a position larger, or turn it round.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from agenttrader.app.trade_listener import TradeListener
from agenttrader.simulation.inputs import BustAsked, CorrectionAsked, RejectAsked
from agenttrader.testing.builders import ACCOUNT
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.exchange_book import orders_at
from agenttrader.testing.worlds.faults import MishapHappens

_FILLS = ("fill", "partial_fill")
_CENT = Decimal("0.01")


class Heard(NamedTuple):
    """One execution."""

    execution_id: str
    client_order_id: str
    symbol: str
    price: Decimal
    before: Decimal
    after: Decimal
    """The position before and after it."""

    @property
    def grows(self) -> bool:
        """Whether the position is larger after it, or on the other side."""
        return abs(self.after) > abs(self.before) or self.before * self.after < 0


class Ear:
    """Everything that was executed. `venue` is asked anew after the exchange was restarted."""

    def __init__(self, venue: Callable[[], VenueCalls]) -> None:
        self.heard: list[Heard] = []
        self._venue = venue
        self._listener: TradeListener | None = None
        self._unjudged: list[Heard] = []

    def catch_up(self) -> None:
        """Keep what was executed for the next news: the exchange is about to go."""
        self._unjudged = list(self.news())

    def listen(self) -> None:
        """Begin, or begin anew at an exchange that was restarted."""
        self._listener = self._venue().listen(ACCOUNT)

    def news(self) -> Iterator[Heard]:
        """What was executed since the last time."""
        assert self._listener is not None, "who asks for news has listened"
        yield from self._unjudged
        self._unjudged = []
        queue = self._listener.queue
        while not queue.empty():
            message = queue.get_nowait()
            said: Any = None if message is None else json.loads(message)
            if said is not None and said["stream"] == "trade_updates" and said["data"]["event"] in _FILLS:
                heard = _heard(said["data"])
                self.heard.append(heard)
                yield heard

    def mishap(self, happens: MishapHappens) -> BustAsked | CorrectionAsked | RejectAsked | None:
        """What the exchange takes back, corrects or rejects; None where there is nothing yet."""
        if happens.how == "reject":
            orders = [each for each in orders_at(self._venue(), ACCOUNT) if each["status"] in ("new", "held")]
            if not orders:
                return None
            return RejectAsked(order_id=orders[happens.pick % len(orders)]["id"], message="by chance")
        if not self.heard:
            return None
        execution = self.heard[happens.pick % len(self.heard)]
        if happens.how == "bust":
            return BustAsked(execution_id=execution.execution_id)
        price = (execution.price * Decimal("1.004")).quantize(_CENT)
        return CorrectionAsked(execution_id=execution.execution_id, price=price)


def _heard(told: dict[str, Any]) -> Heard:
    order = told["order"]
    signed = Decimal(told["qty"]) * (1 if order["side"] == "buy" else -1)
    after = Decimal(told["position_qty"])
    return Heard(
        execution_id=told["execution_id"],
        client_order_id=order["client_order_id"],
        symbol=order["symbol"],
        price=Decimal(told["price"]),
        before=after - signed,
        after=after,
    )
