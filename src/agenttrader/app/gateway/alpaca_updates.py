"""Alpaca's `trade_updates` of one gateway: what was recorded, told to the agent whose order it is.

A listener hears of its own agent's orders and of nothing else, each message once and in the journal's
order, and only what is on disk. What happened while it was away is not told again, as Alpaca does not: it
asks over REST. One that does not keep up is ended; it never slows the session or another listener. An
order that was denied is told nowhere, for these clients it never was; one that waited for a person was, and
is told as rejected.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Protocol, cast

import msgspec

from agenttrader.app.gateway.alpaca_answers import (
    Moment,
    execution_uuid,
    moment_of,
    order_answer,
    part_answer,
)
from agenttrader.app.trade_listener import TradeListener
from agenttrader.model.approvals import ApprovalRefused
from agenttrader.model.events import (
    Accepted,
    Busted,
    Canceled,
    CancelRefused,
    CancelRequested,
    Decided,
    DoneForDay,
    Event,
    Expired,
    Filled,
    Rejected,
    Replaced,
    ReplaceRefused,
    ReplaceRequested,
    Restated,
    Suspended,
    Withheld,
)
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Recorded
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trade_updates import TRADE_UPDATES, TradeUpdate, encode_stream
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.session import Session

REASONS_MAX = 1_000
"""Of how many orders the reason of their end is kept for the answer that waits for it."""

_NEW, _FILL, _PARTIAL = "new", "fill", "partial_fill"
_FILLED, _PARTIALLY = "filled", "partially_filled"


class _OfOneOrder(Protocol):
    """A record about one order."""

    @property
    def order_id(self) -> OrderId:
        """Which."""
        ...


_WORDS: dict[type, tuple[str, str | None]] = {
    Accepted: (_NEW, None),
    Withheld: ("rejected", "rejected"),
    ApprovalRefused: ("rejected", "rejected"),
    Rejected: ("rejected", "rejected"),
    CancelRequested: ("pending_cancel", "pending_cancel"),
    CancelRefused: ("order_cancel_rejected", None),
    Canceled: ("canceled", "canceled"),
    Expired: ("expired", "expired"),
    ReplaceRequested: ("pending_replace", "pending_replace"),
    ReplaceRefused: ("order_replace_rejected", None),
    Replaced: ("replaced", "replaced"),
    Suspended: ("suspended", "suspended"),
    DoneForDay: ("done_for_day", "done_for_day"),
    Busted: ("trade_bust", None),
    Restated: ("restated", None),
}
"""The event of each record that is told, and the status after it; None where its fills say that."""


class AlpacaUpdates:
    """Every such listener of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._listeners: set[TradeListener] = set()
        self._reasons: dict[OrderId, str] = {}
        session.listeners.append(self._recorded)
        session.refolded_listeners.append(self._refolded)

    def add(self, listener: TradeListener) -> None:
        """Begin to tell."""
        self._listeners.add(listener)

    def remove(self, listener: TradeListener) -> None:
        """Stop telling one that has gone."""
        self._listeners.discard(listener)

    def listen(self, listener: TradeListener, streams: Sequence[str]) -> None:
        """Tell the listener these streams from now on, those that exist."""
        listener.listen(streams, (TRADE_UPDATES,))

    def reason_of(self, order_id: OrderId) -> str:
        """Why the order never worked at the broker, as it was recorded in this process."""
        return self._reasons.get(order_id, "the reason stands in the journal")

    def _recorded(self, recorded: Sequence[Recorded[Event]]) -> None:
        for each in recorded:
            if isinstance(each.event, (Withheld, Rejected)):
                self._reasons[each.event.order_id] = each.event.reason
            elif isinstance(each.event, ApprovalRefused):
                said = each.event.signed.statement
                self._reasons[each.event.order_id] = f"{said.person} did not approve it: {said.reason}"
        while len(self._reasons) > REASONS_MAX:
            self._reasons.pop(next(iter(self._reasons)))
        heard = {listener.owner for listener in self._listeners if listener.streams}
        if not heard:
            return
        for agent, update in updates_of(recorded, self._session.engine):
            if agent in heard:
                message = encode_stream(update)
                for listener in self._listeners:
                    if listener.streams and listener.owner == agent:
                        listener.tell(message)

    def _refolded(self) -> None:
        """The state went back to what the disk holds: everybody must read it anew."""
        for listener in self._listeners:
            listener.end()


def updates_of(recorded: Sequence[Recorded[Event]], engine: Engine) -> list[tuple[AgentName, TradeUpdate]]:
    """What is told of these records, each for its agent, in their order.

    `engine` has folded them all, so they are gone over backwards, from where orders and positions stand now.
    """
    retold = _Retold(engine)
    found = [update for each in reversed(recorded) for update in retold.back_over(each)]
    found.reverse()
    return found


class _Retold:
    """The orders and positions of an engine, going back in time record by record."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._book = engine.state.book
        self._filled: dict[OrderId, tuple[Decimal, Decimal]] = {}
        """Of each order that was gone over: what had filled of it, and for how much, at this point."""
        self._parts: dict[OrderId, dict[Symbol, Decimal]] = {}
        """Of each order of several legs that was gone over: what had filled of each leg."""
        self._held: dict[Symbol, Decimal] = {}
        """Of each symbol that was gone over: what was held at this point, signed."""

    def back_over(self, recorded: Recorded[Event]) -> Iterator[tuple[AgentName, TradeUpdate]]:
        """What is told of this record, the last first; after that it has not happened yet."""
        event = recorded.event
        time: Instant = getattr(event, "time", recorded.sealed.time)
        if isinstance(event, Filled):
            yield from self._back_over_fill(event, time)
        elif isinstance(event, Decided):
            order = self._book.orders.by_id[event.order_id]
            if order.awaited and order.denied_by is not None:
                yield self._update("rejected", order, "rejected", time)
        elif (words := _WORDS.get(type(event))) is not None:
            order = self._book.orders.by_id[cast("_OfOneOrder", event).order_id]
            if isinstance(event, Accepted) and order.proposal.is_pair and order.replaces is None:
                yield from self._back_over_legs(order, time)
            yield self._update(words[0], order, words[1], time)

    def _back_over_fill(self, fill: Filled, time: Instant) -> Iterator[tuple[AgentName, TradeUpdate]]:
        order = self._book.orders.by_id[fill.order_id]
        if len(order.legs) > 1:
            yield from self._back_over_part(order, fill, time)
            return
        filled, value = self._filled.get(order.id, (order.filled, order.filled_value))
        is_whole = filled >= order.quantity
        if is_whole and order.adds_risk:
            yield from self._back_over_legs(order, time)
        held = self._held.get(fill.symbol, self._book.position(fill.symbol))
        agent, update = self._update(_FILL if is_whole else _PARTIAL, order, None, time)
        yield (
            agent,
            msgspec.structs.replace(
                update,
                execution_id=execution_uuid(fill.execution_id),
                price=fill.price,
                qty=fill.quantity,
                position_qty=held,
            ),
        )
        self._held[fill.symbol] = held - fill.quantity * fill.side.sign
        self._filled[order.id] = (filled - fill.quantity, value - fill.quantity * fill.price)

    def _back_over_part(
        self, order: Order, fill: Filled, time: Instant
    ) -> Iterator[tuple[AgentName, TradeUpdate]]:
        """The leg's fill and, after the last of all legs, that of the whole, at its net price."""
        parts = self._parts.setdefault(
            order.id, {leg.symbol: order.filled_in(leg.symbol) for leg in order.legs}
        )
        wanted = {leg.symbol: order.quantity * abs(leg.ratio) for leg in order.legs}
        agent, whole = self._update(_FILL, order, None, time)
        if parts == wanted:
            price = whole.order.filled_avg_price
            yield agent, msgspec.structs.replace(whole, price=price, qty=order.quantity)
        leg = next(each for each in order.legs if each.symbol == fill.symbol)
        filled = parts[fill.symbol]
        is_whole = filled >= wanted[fill.symbol]
        instrument = self._engine.rules.instruments.get(fill.symbol)
        part = part_answer(order, whole.order, leg, instrument, filled)
        held = self._held.get(fill.symbol, self._book.position(fill.symbol))
        yield (
            agent,
            TradeUpdate(
                event=_FILL if is_whole else _PARTIAL,
                order=msgspec.structs.replace(part, status=_FILLED if is_whole else _PARTIALLY),
                timestamp=whole.timestamp,
                execution_id=execution_uuid(fill.execution_id),
                price=fill.price,
                qty=fill.quantity,
                position_qty=held,
            ),
        )
        self._held[fill.symbol] = held - fill.quantity * fill.side.sign
        parts[fill.symbol] = filled - fill.quantity
        _, value = self._filled[order.id]
        paid = fill.quantity * fill.price * (1 if leg.ratio > 0 else -1)
        units = min(parts[each.symbol] // abs(each.ratio) for each in order.legs)
        self._filled[order.id] = (units, value - paid)

    def _back_over_legs(self, order: Order, time: Instant) -> Iterator[tuple[AgentName, TradeUpdate]]:
        """Those that can trade from now on; no record of their own says so.

        With its entry's last fill a protective leg can, and the stop of a pair with the pair.
        """
        for leg in reversed(order.protection):
            if leg.id in self._filled or leg.state is OrderState.ACCEPTED:
                yield self._update(_NEW, leg, None, time)

    def _update(
        self, word: str, order: Order, status: str | None, time: Instant
    ) -> tuple[AgentName, TradeUpdate]:
        """The update, with the order as it stood: after its last record as the book has it."""
        instrument = self._engine.rules.instruments.get(order.proposal.symbol)
        if order.id not in self._filled:
            status = moment_of(order).status
        filled, value = self._filled.setdefault(order.id, (order.filled, order.filled_value))
        if status is None:
            status = _FILLED if filled >= order.quantity else _PARTIALLY if filled else _NEW
        moment = Moment(status, filled, value, time)
        answer = order_answer(order, instrument, moment, nested=False)
        return order.agent, TradeUpdate(event=word, order=answer, timestamp=answer.updated_at)
