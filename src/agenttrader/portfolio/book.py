"""The book: the journal folded into orders, positions, cash and profit.

Replaying the same records gives the same book.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import cast

from msgspec import Struct

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.events import (
    Accepted,
    AccountOpened,
    AnswerLost,
    Busted,
    Canceled,
    CancelRefused,
    CancelRequested,
    CashPosted,
    Decided,
    DoneForDay,
    Event,
    Expired,
    FeesPosted,
    Filled,
    PastIncluded,
    PositionAdjusted,
    Rejected,
    Replaced,
    ReplaceRefused,
    ReplaceRequested,
    Restated,
    Sending,
    Suspended,
    Withheld,
)
from agenttrader.model.identifiers import ActivityId, ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.orders import OrderState, Side
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant
from agenttrader.model.transitions import Trigger
from agenttrader.model.values import NANO, ZERO
from agenttrader.portfolio.estimates import FeeEstimates
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.orders import Order, OrderLedger

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
    """By orders of agents that reduce."""
    protecting: Decimal
    """By protective legs that can trade."""


_NOTHING_WORKING = Working(buys=ZERO, sells=ZERO, closing=ZERO, protecting=ZERO)


class Book:
    """Orders, positions, cash and profit of one account.

    `multipliers` names every instrument that may be held.
    """

    def __init__(self, multipliers: Mapping[Symbol, Decimal]) -> None:
        self._multipliers = multipliers
        self.is_open = False
        self.cash = ZERO
        """Less the fees that we expect and the broker has not taken yet."""
        self.fees = ZERO
        """Those that the broker took, and our estimates of the others."""
        self.estimates = FeeEstimates()
        self.income = ZERO
        """Dividends and interest, less those that were charged."""
        self.flows = ZERO
        """Cash from outside the account, less what left it: no profit, and no loss."""
        self.activities: set[ActivityId] = set()
        """What the broker posted and the book has taken in."""
        self.orders = OrderLedger()
        self.holdings: dict[Symbol, Holding] = {}
        self.by_strategy: dict[tuple[StrategyName, Symbol], Holding] = {}
        self.executions: dict[ExecutionId, Filled] = {}
        self.busted: dict[ExecutionId, Instant] = {}
        """Executions that the exchange took back, by when they were made: they neither count nor surprise."""
        self.handlers: dict[type, Callable[[Sealed[Event]], None]] = {
            AccountOpened: self._account_opened,
            Decided: self._decided,
            Sending: self._sending,
            Accepted: self._accepted,
            Filled: self._filled,
            Busted: self._busted,
            PastIncluded: self._included,
            FeesPosted: self._fees_posted,
            CashPosted: self._cash_posted,
            PositionAdjusted: self._adjusted,
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
    def posted_cash(self) -> Decimal:
        """Cash as the broker states it: it has not taken the fees yet that are only estimated."""
        return self.cash + self.estimates.total

    @property
    def realised(self) -> Decimal:
        """What closed positions have made, before fees."""
        return sum((holding.realised for holding in self.holdings.values()), ZERO)

    def position(self, symbol: Symbol) -> Decimal:
        """The signed quantity held in `symbol`."""
        holding = self.holdings.get(symbol)
        return ZERO if holding is None else holding.quantity

    def positions(self) -> dict[Symbol, Holding]:
        """The holdings that are not flat."""
        return {symbol: holding for symbol, holding in self.holdings.items() if holding.quantity}

    def working(self, symbol: Symbol) -> Working:
        """What open orders may still do in `symbol`. A stop and a target of one entry count once."""
        orders = self.orders.open_in(symbol)
        if not orders:
            return _NOTHING_WORKING
        bought = sold = closing = protecting = ZERO
        pairs: dict[OrderId, Decimal] = {}
        for order in orders:
            ratio = order.ratio_in(symbol)
            left = order.remaining * abs(ratio)
            if order.parent is not None:
                counted = pairs.get(order.parent.id, ZERO)
                pairs[order.parent.id] = max(left, counted)
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

        With `cancels_protection`, for an order that cancels the protection before it leaves, the protection
        does not count. While an entry works, nothing is reducible: its protection is still to be armed, for
        the whole of it.
        """
        if not cancels_protection and any(order.adds_risk for order in self.orders.open_in(symbol)):
            return ZERO
        taken = working.closing if cancels_protection else working.closing + working.protecting
        return max(ZERO, abs(self.position(symbol)) - taken)

    def is_opposed(self, symbol: Symbol, quantity: Decimal) -> bool:
        """Whether an entry the other way than `quantity` works in `symbol`, or protection that came with one.

        Were both to fill, the protection of each would stand against the other, and open what it should end.
        """
        entries = (order.parent or order for order in self.orders.open_in(symbol))
        return any(
            entry.adds_risk and entry.side.sign * entry.ratio_in(symbol) * quantity < 0 for entry in entries
        )

    def protection(self, symbol: Symbol) -> tuple[Order, ...]:
        """The protective legs of `symbol` that have not ended, can trade, and face the position."""
        held = self.position(symbol)
        return tuple(
            order
            for order in self.orders.open_in(symbol)
            if order.parent is not None
            and order.is_armed
            and order.side.sign * order.ratio_in(symbol) * held < 0
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

    def _loss_if_machine_dies(self, symbol: Symbol, holding: Holding, mark: Decimal) -> Decimal:
        """What the position would lose, gaps aside, by the protection resting at the broker alone.

        What is unprotected counts whole, and so does what a stop at the net price of several legs covers.
        """
        left = abs(holding.quantity)
        loss = ZERO
        for leg in self.protection(symbol):
            if leg.stop_price is not None and leg.state in _RESTING and len(leg.legs) == 1:
                covered = min(left, leg.remaining)
                distance = (mark - leg.stop_price) * (1 if holding.quantity > 0 else -1)
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
        self._trade(event, order.proposal.strategy, self.estimates.add(event), sign=1)

    def _busted(self, sealed: Sealed[Event]) -> None:
        event = cast("Busted", sealed.event)
        fill = self.executions.pop(event.execution_id)
        self.busted[event.execution_id] = fill.time
        order = self.orders.bust(fill, event.time)
        self._trade(fill, order.proposal.strategy, -self.estimates.drop(fill.execution_id), sign=-1)

    def _trade(self, fill: Filled, strategy: StrategyName, fee: Decimal, sign: int) -> None:
        multiplier = self._multipliers.get(fill.symbol)
        if multiplier is None:
            raise ConfigurationError(
                f"instruments: expected {fill.symbol}, in which the journal holds fills, found none of that "
                "name; configure it again"
            )
        quantity = fill.quantity * (sign if fill.side is Side.BUY else -sign)
        self.cash -= quantity * fill.price * multiplier + fee
        self.fees += fee
        key = (strategy, fill.symbol)
        if key not in self.by_strategy:
            self.by_strategy[key] = Holding(multiplier)
            self.holdings.setdefault(fill.symbol, Holding(multiplier))
        self.holdings[fill.symbol].trade(quantity, fill.price, fee)
        self.by_strategy[key].trade(quantity, fill.price, fee)

    def _included(self, sealed: Sealed[Event]) -> None:
        self._note(cast("PastIncluded", sealed.event).activities)

    def _fees_posted(self, sealed: Sealed[Event]) -> None:
        posted = cast("FeesPosted", sealed.event).activities
        self._note(posted)
        expected = self.estimates.settle(max(each.time for each in posted))
        change = _amount(posted) + expected
        self.cash += change
        self.fees -= change

    def _cash_posted(self, sealed: Sealed[Event]) -> None:
        posted = cast("CashPosted", sealed.event).activity
        self._note((posted,))
        self.cash += posted.amount
        if posted.kind is ActivityKind.TRANSFER:
            self.flows += posted.amount
        else:
            self.income += posted.amount

    def _adjusted(self, sealed: Sealed[Event]) -> None:
        """Fold a split: each strategy's part of the position changes as the whole of it does."""
        event = cast("PositionAdjusted", sealed.event)
        self._note(event.activities)
        quantity, cash = sum((each.quantity for each in event.activities), ZERO), _amount(event.activities)
        self.cash += cash
        whole = self.holdings[event.symbol]
        parts = [each for (_, symbol), each in self.by_strategy.items() if symbol == event.symbol]
        # The last takes what rounding left, so that the parts stay the whole.
        *first, last = [part for part in parts if part.quantity]
        quantity_left, cash_left = quantity, cash
        for part in first:
            share = (quantity * part.quantity / whole.quantity).quantize(NANO)
            paid = (cash * part.quantity / whole.quantity).quantize(NANO)
            part.adjust(share, paid)
            quantity_left, cash_left = quantity_left - share, cash_left - paid
        last.adjust(quantity_left, cash_left)
        whole.adjust(quantity, cash)

    def _note(self, activities: tuple[AccountActivity, ...]) -> None:
        self.activities.update(activity.id for activity in activities)

    def _moved(self, sealed: Sealed[Event]) -> None:
        event = sealed.event
        time = getattr(event, "time", sealed.time)
        self.orders.advance(event.order_id, _TRIGGERS[type(event)], time)  # type: ignore[union-attr]


def _amount(activities: tuple[AccountActivity, ...]) -> Decimal:
    return sum((activity.amount for activity in activities), ZERO)
