"""The book: the journal folded into orders, positions, cash and profit.

Replaying the same records gives the same book.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import cast

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.approvals import ApprovalAsked, ApprovalRefused
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
from agenttrader.model.identifiers import ActivityId, ExecutionId, StrategyName, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.outside import OrderAdopted
from agenttrader.model.permits import Permits, PermitsStated
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant
from agenttrader.model.transitions import Trigger
from agenttrader.model.values import NANO, ZERO
from agenttrader.portfolio.estimates import FeeEstimates
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.orders import Order
from agenttrader.portfolio.tenures import Tenure
from agenttrader.portfolio.totals import stops_in
from agenttrader.portfolio.working import Stops, Working

_TRIGGERS: dict[type, Trigger] = {
    Withheld: Trigger.WITHHOLD,
    ApprovalRefused: Trigger.WITHHOLD,
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
        self._watched: list[dict[Symbol, None]] = []
        self.orders = OrderLedger(multipliers, self._touch)
        self.holdings: dict[Symbol, Holding] = {}
        self.tenures: dict[Symbol, Tenure] = {}
        """Of each position that is held, and the last of each that was."""
        self.by_strategy: dict[tuple[StrategyName, Symbol], Holding] = {}
        self.permits: Permits | None = None
        """What the broker lets the account do, by its last word; None before it was heard."""
        self.executions: dict[ExecutionId, Filled] = {}
        self.busted: dict[ExecutionId, Instant] = {}
        """Executions that the exchange took back, by when they were made: they neither count nor surprise."""
        self.handlers: dict[type, Callable[[Sealed[Event]], None]] = {
            AccountOpened: self._account_opened,
            Decided: self._decided,
            ApprovalAsked: self._held_back,
            Sending: self._sending,
            OrderAdopted: self._order_adopted,
            Accepted: self._accepted,
            Filled: self._filled,
            Busted: self._busted,
            PastIncluded: self._included,
            FeesPosted: self._fees_posted,
            CashPosted: self._cash_posted,
            PositionAdjusted: self._adjusted,
            PermitsStated: self._permitted,
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

    def multiplier(self, symbol: Symbol) -> Decimal:
        """Units of the underlying in one unit of `symbol`; 1 where the configuration does not know it."""
        return self._multipliers.get(symbol, Decimal(1))

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

    def tenure(self, symbol: Symbol) -> Tenure | None:
        """Since when `symbol` is held, and by which plan it will be left; None while flat."""
        return self.tenures.get(symbol) if self.position(symbol) else None

    def positions(self) -> dict[Symbol, Holding]:
        """The holdings that are not flat."""
        return {symbol: holding for symbol, holding in self.holdings.items() if holding.quantity}

    def working(self, symbol: Symbol) -> Working:
        """What open orders may still do in `symbol`."""
        return self.orders.totals.working(symbol)

    def reducible(self, symbol: Symbol, *, cancels_protection: bool) -> Decimal:
        """Units of the position that nothing is working to reduce yet.

        With `cancels_protection`, for a close, which cancels what is in its way before it leaves, only other
        closes count: no exit that rests far away keeps a position from being closed. While an entry works
        that came with protection, nothing else is reducible: that is still to be armed, for the whole of it.
        """
        held, working = abs(self.position(symbol)), self.working(symbol)
        if cancels_protection:
            return max(ZERO, held - working.closes)
        return ZERO if working.awaiting else max(ZERO, held - working.closing - working.protecting)

    def is_opposed(self, symbol: Symbol, quantity: Decimal) -> bool:
        """Whether an entry the other way than `quantity` works in `symbol`, or what protects such a position.

        Were both to fill, the protection of each would stand against the other, and open what it should end.
        """
        working = self.working(symbol)
        return bool(working.shorts if quantity > 0 else working.longs)

    def facing(self, symbol: Symbol, quantity: Decimal) -> Decimal | None:
        """The best price of our own that rests against an order of `quantity`, signed; None: none does."""
        return self.orders.totals.facing(symbol, buys=quantity > 0)

    def protection(self, symbol: Symbol) -> tuple[Order, ...]:
        """The orders in `symbol` that protect, have not ended, can trade, and face the position."""
        held = self.position(symbol)
        return self.orders.totals.armed(symbol, is_long=held > 0) if held else ()

    def covered(self, symbol: Symbol, without: Collection[Order] = ()) -> Decimal:
        """Units of the position that a stop faces which rests at the broker; those `without` are not counted.

        One that the broker has not confirmed, or that was asked to end, may not be there.
        """
        held = self.position(symbol)
        stops = self.stops(symbol)
        if stops is None:
            return ZERO
        legs = [(leg, order) for order in without for leg in order.legs if leg.symbol == symbol]
        gone = [stop for leg, order in legs if order.is_armed for stop in stops_in(leg, (order,))]
        return stops.covers - sum([stop.covers for stop in gone if stop.is_long is (held > 0)], ZERO)

    def stops(self, symbol: Symbol) -> Stops | None:
        """What the stops that rest at the broker and face the position are good for; None where none does."""
        held = self.position(symbol)
        return self.orders.totals.stops(symbol, is_long=held > 0) if held else None

    def watch(self) -> dict[Symbol, None]:
        """The symbols whose position, or what its stops are good for, changes from now on, in that order.

        Who asks for them empties it. At first all are there in which anything was held.
        """
        watched: dict[Symbol, None] = dict.fromkeys(self.holdings)
        self._watched.append(watched)
        return watched

    def _touch(self, symbol: Symbol) -> None:
        for watched in self._watched:
            watched[symbol] = None

    def _account_opened(self, sealed: Sealed[Event]) -> None:
        self.cash = cast("AccountOpened", sealed.event).cash
        self.is_open = True

    def _permitted(self, sealed: Sealed[Event]) -> None:
        self.permits = cast("PermitsStated", sealed.event).permits

    def _decided(self, sealed: Sealed[Event]) -> None:
        self.orders.decide(cast("Sealed[Decided]", sealed))

    def _held_back(self, sealed: Sealed[Event]) -> None:
        self.orders.hold(cast("Sealed[ApprovalAsked]", sealed))

    def _sending(self, sealed: Sealed[Event]) -> None:
        self.orders.send(cast("Sealed[Sending]", sealed))

    def _order_adopted(self, sealed: Sealed[Event]) -> None:
        self.orders.adopt(cast("OrderAdopted", sealed.event))

    def _accepted(self, sealed: Sealed[Event]) -> None:
        self.orders.accept(cast("Accepted", sealed.event))

    def _filled(self, sealed: Sealed[Event]) -> None:
        event = cast("Filled", sealed.event)
        order = self.orders.fill(event)
        self.executions[event.execution_id] = event
        was = self.position(event.symbol)
        self._trade(event, order.proposal.strategy, self.estimates.add(event), sign=1)
        self._keep(sealed, order, event.symbol, was)

    def _busted(self, sealed: Sealed[Event]) -> None:
        event = cast("Busted", sealed.event)
        fill = self.executions.pop(event.execution_id)
        self.busted[event.execution_id] = fill.time
        order = self.orders.bust(fill, event.time)
        was = self.position(fill.symbol)
        self._trade(fill, order.proposal.strategy, -self.estimates.drop(fill.execution_id), sign=-1)
        self._keep(sealed, order, fill.symbol, was)

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
        self._touch(fill.symbol)

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
        """Fold a split: each strategy's part of the position changes as the whole of it does.

        A correction of the quantity changes it in the same way, and no price of the plan.
        """
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
        before = whole.quantity
        whole.adjust(quantity, cash)
        self._touch(event.symbol)
        tenure = self.tenures.get(event.symbol)
        is_correction = all(each.kind is ActivityKind.CORRECTION for each in event.activities)
        if tenure is not None and not is_correction:
            # Where a part of a share was paid out, the quantities do not say what the prices became.
            self.tenures[event.symbol] = tenure.split(before, whole.quantity, is_exact=not cash)

    def _note(self, activities: tuple[AccountActivity, ...]) -> None:
        self.activities.update(activity.id for activity in activities)

    def _moved(self, sealed: Sealed[Event]) -> None:
        event = sealed.event
        time = getattr(event, "time", sealed.time)
        self.orders.advance(event.order_id, _TRIGGERS[type(event)], time)  # type: ignore[union-attr]


def _amount(activities: tuple[AccountActivity, ...]) -> Decimal:
    return sum((activity.amount for activity in activities), ZERO)
