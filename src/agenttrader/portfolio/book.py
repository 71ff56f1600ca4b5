"""The book: the journal folded into orders, positions, cash and profit.

Replaying the same records gives the same book.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import cast

from msgspec import Struct

from agenttrader.model.errors import ConfigurationError
from agenttrader.model.events import (
    Accepted,
    AccountOpened,
    AnswerLost,
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
    Sending,
    Suspended,
    Withheld,
)
from agenttrader.model.identifiers import ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.orders import Effect, OrderState, Role, Side
from agenttrader.model.records import Sealed
from agenttrader.model.transitions import Trigger
from agenttrader.model.values import ZERO
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.orders import Order, OrderLedger
from agenttrader.portfolio.tenures import Tenure

_TRIGGERS: dict[type, Trigger] = {
    Withheld: Trigger.WITHHOLD,
    AnswerLost: Trigger.LOSE,
    Rejected: Trigger.REJECT,
    CancelRequested: Trigger.REQUEST_CANCEL,
    CancelRefused: Trigger.REFUSE_CANCEL,
    Canceled: Trigger.CANCEL,
    Expired: Trigger.EXPIRE,
    ReplaceRequested: Trigger.REQUEST_REPLACE,
    ReplaceRefused: Trigger.REFUSE_REPLACE,
    Replaced: Trigger.REPLACE,
    Suspended: Trigger.SUSPEND,
    DoneForDay: Trigger.DONE_FOR_DAY,
    Restated: Trigger.RESTATE,
}
MOVES = frozenset(_TRIGGERS)
"""Events that do no more than move one order along the transition table."""


_RESTING = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})


class Valuation(Struct, frozen=True, kw_only=True):
    """The account at given marks, in its currency.

    `equity` is None where a position has no mark: nobody knows.
    """

    equity: Decimal | None
    gross_exposure: Decimal
    net_exposure: Decimal
    unrealised: Decimal


class Working(Struct, frozen=True, kw_only=True, gc=False):
    """What open orders may still do in one symbol, in units, unsigned."""

    buys: Decimal
    sells: Decimal
    closing: Decimal
    """By orders of agents that reduce and do not protect."""
    protecting: Decimal
    """By what protects and can trade."""


_NOTHING_WORKING = Working(buys=ZERO, sells=ZERO, closing=ZERO, protecting=ZERO)


class Book:
    """Orders, positions, cash and profit of one account.

    `multipliers` names every instrument that may be held.
    """

    def __init__(self, multipliers: Mapping[Symbol, Decimal]) -> None:
        self._multipliers = multipliers
        self.is_open = False
        self.cash = ZERO
        self.fees = ZERO
        self.orders = OrderLedger()
        self.holdings: dict[Symbol, Holding] = {}
        self.tenures: dict[Symbol, Tenure] = {}
        """Of each position that is held, and the last of each that was."""
        self.by_strategy: dict[tuple[StrategyName, Symbol], Holding] = {}
        self.executions: dict[ExecutionId, Filled] = {}
        self.busted: set[ExecutionId] = set()
        """Executions that the exchange took back: told again, they neither count nor surprise."""
        self.handlers: dict[type, Callable[[Sealed[Event]], None]] = {
            AccountOpened: self._account_opened,
            Decided: self._decided,
            Sending: self._sending,
            Accepted: self._accepted,
            Filled: self._filled,
            Busted: self._busted,
        } | dict.fromkeys(_TRIGGERS, self._moved)
        """What folds a record, by the type of its event. Others change nothing here."""

    def apply(self, sealed: Sealed[Event]) -> None:
        """Fold one record. Events that are not about the account's orders or money change nothing here."""
        handler = self.handlers.get(type(sealed.event))
        if handler is not None:
            handler(sealed)

    def can_hold(self, symbol: Symbol) -> bool:
        """Whether a fill in `symbol` can be counted: it is one of the configured instruments."""
        return symbol in self._multipliers

    @property
    def realised(self) -> Decimal:
        """What closed positions have made, before fees."""
        return sum((holding.realised for holding in self.holdings.values()), ZERO)

    def position(self, symbol: Symbol) -> Decimal:
        """The signed quantity held in `symbol`."""
        holding = self.holdings.get(symbol)
        return ZERO if holding is None else holding.quantity

    def tenure(self, symbol: Symbol) -> Tenure | None:
        """Since when `symbol` is held, and by which plan it will be left; None while flat."""
        return self.tenures.get(symbol) if self.position(symbol) else None

    def positions(self) -> dict[Symbol, Holding]:
        """The holdings that are not flat."""
        return {symbol: holding for symbol, holding in self.holdings.items() if holding.quantity}

    def working(self, symbol: Symbol) -> Working:
        """What open orders may still do in `symbol`. A stop and a target of one position count once."""
        orders = self.orders.open_in(symbol)
        if not orders:
            return _NOTHING_WORKING
        bought = sold = closing = protecting = ZERO
        pairs: dict[OrderId, Decimal] = {}
        for order in orders:
            ratio = order.ratio_in(symbol)
            left = order.remaining * abs(ratio)
            if order.protects:
                owner = (order.parent or order).id
                counted = pairs.get(owner, ZERO)
                pairs[owner] = max(left, counted)
                left = max(ZERO, left - counted)
                if order.is_armed:
                    protecting += left
            elif not order.adds_risk:
                closing += left
            if (order.side is Side.BUY) is (ratio > 0):
                bought += left
            else:
                sold += left
        return Working(buys=bought, sells=sold, closing=closing, protecting=protecting)

    def reducible(self, symbol: Symbol, working: Working, *, cancels_protection: bool) -> Decimal:
        """Units of the position that nothing is working to reduce yet.

        With `cancels_protection`, for a close, which cancels what is in its way before it leaves, only other
        closes count: no exit that rests far away keeps a position from being closed. While an entry works
        that came with protection, nothing else is reducible: that is still to be armed, for the whole of it.
        """
        held, orders = abs(self.position(symbol)), self.orders.open_in(symbol)
        if cancels_protection:
            closes = [order for order in orders if order.effect is Effect.CLOSE]
            return max(ZERO, held - sum(close.remaining * abs(close.ratio_in(symbol)) for close in closes))
        if any(order.adds_risk and order.protection for order in orders):
            return ZERO
        return max(ZERO, held - working.closing - working.protecting)

    def is_opposed(self, symbol: Symbol, quantity: Decimal) -> bool:
        """Whether an entry the other way than `quantity` works in `symbol`, or what protects such a position.

        Were both to fill, the protection of each would stand against the other, and open what it should end.
        """
        return any(
            order.side.sign * order.ratio_in(symbol) * quantity * (1 if order.adds_risk else -1) < 0
            for order in self.orders.open_in(symbol)
            if order.adds_risk or order.protects
        )

    def protection(self, symbol: Symbol) -> tuple[Order, ...]:
        """The orders in `symbol` that protect, have not ended, can trade, and face the position."""
        held = self.position(symbol)
        return tuple(
            order
            for order in self.orders.open_in(symbol)
            if order.protects and order.is_armed and order.side.sign * order.ratio_in(symbol) * held < 0
        )

    def covered(self, symbol: Symbol, without: Collection[Order] = ()) -> Decimal:
        """Units of the position that a stop faces which rests at the broker; those `without` are not counted.

        One that the broker has not confirmed, or that was asked to end, may not be there.
        """
        return sum(
            (
                order.remaining * abs(order.ratio_in(symbol))
                for order in self.protection(symbol)
                if order.role is Role.STOP and order.state in _RESTING and order not in without
            ),
            ZERO,
        )

    def value(self, marks: Mapping[Symbol, Decimal]) -> Valuation:
        """The account at `marks`; O(positions)."""
        gross = net = unrealised = ZERO
        known = True
        for symbol, holding in self.holdings.items():
            if not holding.quantity:
                continue
            mark = marks.get(symbol)
            if mark is None:
                # Without a mark it is shown at cost, and the equity is unknown: a limit on it then denies.
                known, mark = False, holding.average_price()
            value = holding.value(mark)
            net += value
            gross += abs(value)
            unrealised += value - holding.cost
        return Valuation(
            equity=self.cash + net if known else None,
            gross_exposure=gross,
            net_exposure=net,
            unrealised=unrealised,
        )

    def dead_machine_loss(self, marks: Mapping[Symbol, Decimal]) -> Decimal:
        """What would be lost, gaps aside, if all of ours stopped now; at cost where there is no mark."""
        return sum(
            (
                self._loss_if_machine_dies(symbol, holding, marks.get(symbol) or holding.average_price())
                for symbol, holding in self.positions().items()
            ),
            ZERO,
        )

    def working_loss(self) -> Decimal:
        """What the entries that work would lose at their stops, gaps aside, filled whole at their worst.

        What no stop comes with counts whole.
        """
        loss = ZERO
        for order in self.orders.open_orders():
            if order.adds_risk:
                stops = [leg.stop_price for leg in order.protection if leg.role is Role.STOP]
                stop = stops[0] if stops and len(order.legs) == 1 else None
                unit = order.reserve_price if stop is None else abs(order.reserve_price - stop)
                loss += order.remaining * unit * self._multipliers.get(order.legs[0].symbol, Decimal(1))
        return loss

    def _loss_if_machine_dies(self, symbol: Symbol, holding: Holding, mark: Decimal) -> Decimal:
        """What the position would lose, gaps aside, by the protection resting at the broker alone.

        What is unprotected counts whole, and so does what a stop at the net price of several legs covers.
        """
        left = abs(holding.quantity)
        loss = ZERO
        for leg in self.protection(symbol):
            if leg.role is Role.STOP and leg.state in _RESTING and len(leg.legs) == 1:
                covered = min(left, leg.remaining)
                distance = _distance_to_stop(leg, mark, 1 if holding.quantity > 0 else -1)
                loss += covered * max(ZERO, distance) * holding.multiplier
                left -= covered
        return loss + left * mark * holding.multiplier

    def _account_opened(self, sealed: Sealed[Event]) -> None:
        self.cash = cast("AccountOpened", sealed.event).cash
        self.is_open = True

    def _decided(self, sealed: Sealed[Event]) -> None:
        self.orders.decide(cast("Sealed[Decided]", sealed))

    def _sending(self, sealed: Sealed[Event]) -> None:
        self.orders.send(cast("Sealed[Sending]", sealed))

    def _accepted(self, sealed: Sealed[Event]) -> None:
        self.orders.accept(cast("Accepted", sealed.event))

    def _filled(self, sealed: Sealed[Event]) -> None:
        event = cast("Filled", sealed.event)
        order = self.orders.fill(event)
        self.executions[event.execution_id] = event
        was = self.position(event.symbol)
        self._trade(event, order.proposal.strategy, sign=1)
        self._keep(sealed, order, event.symbol, was)

    def _busted(self, sealed: Sealed[Event]) -> None:
        event = cast("Busted", sealed.event)
        fill = self.executions.pop(event.execution_id)
        self.busted.add(event.execution_id)
        order = self.orders.bust(fill, event.time)
        was = self.position(fill.symbol)
        self._trade(fill, order.proposal.strategy, sign=-1)
        self._keep(sealed, order, fill.symbol, was)

    def _trade(self, fill: Filled, strategy: StrategyName, sign: int) -> None:
        multiplier = self._multipliers.get(fill.symbol)
        if multiplier is None:
            raise ConfigurationError(
                f"instruments: expected {fill.symbol}, in which the journal holds fills, found none of that "
                "name; configure it again"
            )
        quantity = fill.quantity * (sign if fill.side is Side.BUY else -sign)
        fee = fill.fee * sign
        self.cash -= quantity * fill.price * multiplier + fee
        self.fees += fee
        key = (strategy, fill.symbol)
        if key not in self.by_strategy:
            self.by_strategy[key] = Holding(multiplier)
            self.holdings.setdefault(fill.symbol, Holding(multiplier))
        self.holdings[fill.symbol].trade(quantity, fill.price, fee)
        self.by_strategy[key].trade(quantity, fill.price, fee)

    def _keep(self, sealed: Sealed[Event], order: Order, symbol: Symbol, was: Decimal) -> None:
        """Say how the position in `symbol` is held, after a fill of `order`, or its bust, found `was`."""
        before, held = self.tenures.get(symbol), self.position(symbol)
        is_bust = isinstance(sealed.event, Busted)
        # What the exchange takes back may have left the position: then it was never left.
        if not held or (is_bust and not was and before is not None):
            return
        if before is None or was * held <= 0:
            before = Tenure(sequence=sealed.sequence, since=sealed.time)
        enters = order.adds_risk and order.side.sign * order.ratio_in(symbol) * held > 0
        self.tenures[symbol] = before.entered_by(order) if enters and not is_bust else before

    def _moved(self, sealed: Sealed[Event]) -> None:
        event = sealed.event
        time = getattr(event, "time", sealed.time)
        self.orders.advance(event.order_id, _TRIGGERS[type(event)], time)  # type: ignore[union-attr]


def _distance_to_stop(stop: Order, mark: Decimal, sign: int) -> Decimal:
    """How far the price may go against a long position (`sign` 1) or a short one before `stop` has left it.

    A stop-limit leaves at its limit. A trailing stop follows the best price: it is never further than its
    trail from the mark.
    """
    if stop.trail_price is not None:
        return stop.trail_price
    if stop.trail_percent is not None:
        return mark * stop.trail_percent / 100
    price = stop.stop_price if stop.limit_price is None else stop.limit_price
    assert price is not None, f"{stop.id}: expected a stop with a price"
    return (mark - price) * sign
