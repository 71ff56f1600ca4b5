"""The faults that strike the venue's own books: an accepted order rejected, a fill busted or corrected.

They are inputs of the exchange like any other, so they stand in its log. What is struck by chance is heard on
the venue's own stream, as a client hears it: an order when it is first told, a fill when it is.
"""

import asyncio
from decimal import Decimal
from typing import NoReturn, assert_never

from agenttrader.app.fault_kinds import BustedFill, CorrectedFill
from agenttrader.app.trade_listener import TradeListener
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Faults, Struck
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trade_updates import TRADE_UPDATES, TradeUpdate, decode_stream
from agenttrader.simulation.inputs import BustAsked, CorrectionAsked, Mishap, RejectAsked

_WAITING_MAX = 1_000_000
"""Events that may wait for their draw, which takes no time: more than any bar brings."""
_BEGINNINGS = frozenset({"pending_new", "accepted", "new"})
_FILLS = frozenset({"fill", "partial_fill"})
_STANDING = frozenset({"us_option", ""})
"""Executions of options, alone or several at once, stand."""


class BookFaults:
    """What strikes one venue's orders and fills, by chance or at somebody's word."""

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self._desk = desk
        self._faults = faults
        self._drawn: set[str] = set()
        """Orders whose fate has been drawn: each is told several times before it ends."""

    async def follow(self) -> NoReturn:
        """Draw for every order and fill of every account."""
        async with asyncio.TaskGroup() as group:
            for account in self._desk.exchange.accounts:
                group.create_task(self._follow(account))
        raise AssertionError("each follows for ever")

    def reject(self, order_id: str, message: str) -> Struck:
        """Reject an open order. Raises Refused where there is none."""
        self._apply(RejectAsked(order_id=order_id, message=message))
        return self._faults.note("rejected_order", order_id)

    def bust(self, execution_id: str) -> Struck:
        """Take an execution back. Raises Refused where there is none."""
        self._apply(BustAsked(execution_id=execution_id))
        return self._faults.note("busted_fill", execution_id)

    def correct(self, execution_id: str, price: Decimal) -> Struck:
        """Give an execution another price. Raises Refused where there is none, BadValue for no such price."""
        self._apply(CorrectionAsked(execution_id=execution_id, price=price))
        return self._faults.note("corrected_fill", execution_id)

    async def _follow(self, account: str) -> NoReturn:
        listener = TradeListener(_WAITING_MAX)
        listener.owner, listener.streams = account, frozenset({TRADE_UPDATES})
        self._desk.updates.add(listener)
        try:
            while True:
                message = await listener.queue.get()
                assert message is not None, "a draw takes no time"
                told = decode_stream(message)
                assert isinstance(told, TradeUpdate)
                self._draw(told)
        finally:
            self._desk.updates.remove(listener)

    def _draw(self, told: TradeUpdate) -> None:
        order = told.order
        if told.event in _BEGINNINGS and order.id not in self._drawn:
            self._drawn.add(order.id)
            fault = self._faults.of_order(order.symbol or "", order.id)
            if fault is not None:
                self._strike(RejectAsked(order_id=order.id, message=fault.message), order.id)
        elif told.event in _FILLS and order.asset_class not in _STANDING:
            assert told.execution_id is not None
            self._draw_fill(order.symbol or "", told.execution_id, told.price or Decimal(0))

    def _draw_fill(self, symbol: str, execution_id: str, price: Decimal) -> None:
        fault = self._faults.of_fill(symbol, execution_id)
        match fault:
            case None:
                pass
            case BustedFill():
                self._strike(BustAsked(execution_id=execution_id), execution_id)
            case CorrectedFill():
                corrected = price + fault.ticks * self._desk.exchange.books.listings[symbol].tick
                self._strike(CorrectionAsked(execution_id=execution_id, price=corrected), execution_id)
            case _:
                assert_never(fault)

    def _strike(self, mishap: Mishap, subject: str) -> None:
        """Do it, or remember that it came too late: the order has ended, or no such price can be."""
        try:
            self._apply(mishap)
        except (Refused, BadValue) as error:
            self._faults.note("missed", f"{subject}: {error}")

    def _apply(self, mishap: Mishap) -> None:
        outcome = self._desk.apply(mishap)
        if outcome.refusal is not None:
            raise Refused(outcome.refusal)
