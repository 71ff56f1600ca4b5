"""The simulated exchange: a state machine that takes one input at a time and says what came of it.

    submitted ──▶ accepted or refused        bar ──▶ fills, legs armed, siblings canceled
    cancel    ──▶ canceled or refused        watermark ──▶ sessions open and close, the clock moves on

- The clock is the data's: the last watermark, or a later bar's end; before any data, the time it was set to.
- An order is filled only by bars that start at or after its acceptance, and that a session covers.
- What a bar fills has that bar's end as its time: nobody knew of it before.
- An entry that fills at a bar's open arms its legs for that very bar; one that fills inside, for the next,
  because nobody knows what of the bar came after it.
- A halted symbol matches nothing that began in the halt; its orders rest, and new ones join them.
- Bars and statuses told twice, or older than the clock, change nothing.
"""

from typing import Any, assert_never

import msgspec

from agenttrader.model.times import Instant
from agenttrader.simulation.acceptance import Terms, judge
from agenttrader.simulation.books import Books
from agenttrader.simulation.fees import fees_of_sale
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.inputs import (
    Activity,
    BarSeen,
    CancelAsked,
    FeePosted,
    FillPosted,
    HaltSeen,
    Input,
    OrderChanged,
    OrderSubmitted,
    Outcome,
    Settings,
    Update,
    WatermarkPassed,
    WatermarkSeen,
)
from agenttrader.simulation.listings import nanos_of
from agenttrader.simulation.matching import PriceBar, stops_first, touch
from agenttrader.simulation.orders import (
    Execution,
    OrderType,
    Reason,
    Refusal,
    Side,
    Status,
    Submission,
    TimeInForce,
    VenueOrder,
)
from agenttrader.simulation.sessions import Bell, Sessions


class Exchange:
    """Several accounts at one exchange, each filled as if it were alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.accounts = {account.name: account for account in settings.accounts}
        self.books = Books(settings.listings, tuple(self.accounts), settings.market_reserve_percent)
        self.sessions = Sessions(settings.sessions, settings.start)
        self.clock = settings.start
        self.watermark: Instant | None = None
        self.activities: dict[str, list[Activity]] = {account: [] for account in self.accounts}
        self.equity_at_close: dict[str, int] = {}
        self._counters = dict.fromkeys(self.accounts, 0)
        self._halted_at: dict[str, Instant | None] = {}
        self._bar_ends: dict[str, Instant] = {}
        self._status_times: dict[str, Instant] = {}
        self._updates: list[Update] = []
        for account in settings.accounts:
            self.books.ledger.deposit(account.name, nanos_of(account.cash, "cash"))
            self.equity_at_close[account.name] = self.books.equity(account.name)

    def handle(self, input_: Input) -> Outcome:
        """Apply one input. Raises BadValue, with nothing changed, for a bar that its listing cannot hold."""
        self._updates = []
        match input_:
            case OrderSubmitted():
                return self._submit(input_.account, input_.submission)
            case CancelAsked():
                return self._cancel_asked(input_.account, input_.order_id)
            case BarSeen():
                return self._told(self._see_bar(input_))
            case HaltSeen():
                return self._told(self._see_halt(input_))
            case WatermarkSeen():
                return self._told(self._see_watermark(input_.time))
            case _:
                assert_never(input_)

    def _submit(self, account: str, asked: Submission) -> Outcome:
        expires_at = None
        if asked.time_in_force is TimeInForce.DAY:
            expires_at = self.sessions.next_close(self.clock)
            if expires_at is None:
                message = (
                    "no session is known that a day order could trade in: the venue's calendar has ended"
                )
                return _refused(Reason.UNPROCESSABLE, message)
        judged = judge(self.books, self.accounts[account], asked)
        if isinstance(judged, Refusal):
            return Outcome(applied=False, refusal=judged)
        order = self._place(account, asked, judged, expires_at)
        self._say(order)
        return Outcome(applied=True, updates=tuple(self._updates), order=order)

    def _place(self, account: str, asked: Submission, terms: Terms, expires_at: Instant | None) -> VenueOrder:
        """Write down the order, and the legs of a bracket behind it."""
        sequence = self._count(account)
        order = VenueOrder(
            id=derive_uuid("order", account, sequence),
            sequence=sequence,
            account=account,
            client_order_id=asked.client_order_id or derive_uuid("client order", account, sequence),
            symbol=asked.symbol,
            side=asked.side,
            type=asked.type,
            time_in_force=asked.time_in_force,
            lots=terms.lots,
            limit=terms.limit,
            stop=terms.stop,
            status=Status.NEW if self.sessions.is_open(self.clock) else Status.ACCEPTED,
            accepted_at=self.clock,
            updated_at=self.clock,
            eligible_from=self.clock,
            expires_at=expires_at,
        )
        if terms.target_limit is None:
            self.books.put(order)
            return order
        target = self._leg(order, OrderType.LIMIT, limit=terms.target_limit)
        stop = self._leg(order, OrderType.STOP, stop=terms.protecting_stop)
        order = msgspec.structs.replace(order, legs=(target.id, stop.id))
        for each in (order, target, stop):
            self.books.put(each)
        return order

    def _leg(
        self, entry: VenueOrder, order_type: OrderType, *, limit: int | None = None, stop: int | None = None
    ) -> VenueOrder:
        sequence = self._count(entry.account)
        return msgspec.structs.replace(
            entry,
            id=derive_uuid("order", entry.account, sequence),
            sequence=sequence,
            client_order_id=derive_uuid("client order", entry.account, sequence),
            side=entry.side.opposite,
            type=order_type,
            limit=limit,
            stop=stop,
            status=Status.HELD,
            entry=entry.id,
        )

    def _cancel_asked(self, account: str, order_id: str) -> Outcome:
        """Cancel an order; of a bracket, everything that is still open."""
        order = self.books.order_of(account, order_id)
        if order is None:
            return _refused(Reason.NOT_FOUND, f"order not found for {order_id}")
        if not order.status.is_open:
            return _refused(Reason.UNPROCESSABLE, f"order is not cancelable: it is {order.status.value}")
        entry = order if order.entry is None else self.books.orders[order.entry]
        for each in (entry, *self.books.legs_of(entry)):
            if each.status.is_open:
                self._become(each, Status.CANCELED, self.clock)
        return Outcome(
            applied=True, updates=tuple(self._updates), order=self.books.order_of(account, order_id)
        )

    def _see_bar(self, seen: BarSeen) -> bool:
        listing = self.books.listings.get(seen.symbol)
        if listing is None or seen.end <= max(self._bar_ends.get(seen.symbol, 0), self.watermark or 0):
            return False
        prices = (listing.units(getattr(seen, name), name) for name in ("open", "high", "low", "close"))
        bar = PriceBar(seen.start, seen.end, *prices)
        self._pass_to(bar.start)
        self._bar_ends[seen.symbol] = seen.end
        self.clock = max(self.clock, seen.end)
        halted_at = self._halted_at.get(seen.symbol)
        if self.sessions.is_open(bar.start) and (halted_at is None or bar.start < halted_at):
            for account in self.accounts:
                self._match(account, seen.symbol, bar)
        self.books.marks[seen.symbol] = bar.close
        return True

    def _match(self, account: str, symbol: str, bar: PriceBar) -> None:
        """Fill first what fills at the open, the legs that this arms included, then what fills inside."""
        while self._match_once(account, symbol, bar, at_open=True):
            pass
        self._match_once(account, symbol, bar, at_open=False)

    def _match_once(self, account: str, symbol: str, bar: PriceBar, *, at_open: bool) -> bool:
        filled = False
        for candidate in sorted(self.books.open_of(account, symbol), key=stops_first):
            # A fill before it in this pass may have canceled it.
            order = self.books.orders[candidate.id]
            if order.status is not Status.NEW or bar.start < order.eligible_from:
                continue
            touched = touch(order, bar)
            if touched is not None and touched.at_open is at_open:
                self._fill(order, touched.price, bar.end, bar.start if at_open else bar.end)
                filled = True
        return filled

    def _fill(self, order: VenueOrder, price: int, time: Instant, legs_from: Instant) -> None:
        """Fill the order whole, take fees, arm its legs for bars from `legs_from`, cancel its sibling."""
        account, listing = order.account, self.books.listings[order.symbol]
        self.books.ledger.trade(account, listing, order.lots * order.side.sign, price)
        sequence = self._count(account)
        execution = Execution(id=derive_uuid("execution", account, sequence), price=price, time=time)
        filled = self._become(order, Status.FILLED, time, execution=execution)
        self.activities[account].append(
            FillPosted(id=execution.id, sequence=sequence, time=time, order=filled)
        )
        if order.side is Side.SELL:
            self._charge(filled, listing.notional(price, order.lots), listing.nanos_of_quantity(order.lots))
        for leg in self.books.legs_of(filled):
            self._become(leg, Status.NEW, time, eligible_from=legs_from)
        if order.entry is not None:
            for sibling in self.books.legs_of(self.books.orders[order.entry]):
                if sibling.status.is_open:
                    self._become(sibling, Status.CANCELED, time)

    def _charge(self, order: VenueOrder, notional: int, quantity: int) -> None:
        for fee in fees_of_sale(self.settings.fees, notional, quantity):
            self.books.ledger.charge(order.account, fee.nanos)
            sequence = self._count(order.account)
            self.activities[order.account].append(
                FeePosted(
                    id=derive_uuid("fee", order.account, sequence),
                    sequence=sequence,
                    time=order.updated_at,
                    name=fee.name,
                    nanos=fee.nanos,
                    order=order,
                )
            )

    def _see_halt(self, seen: HaltSeen) -> bool:
        if seen.symbol not in self.books.listings or seen.time <= (self.watermark or 0):
            return False
        was_halted = self._halted_at.get(seen.symbol) is not None
        if seen.halted is was_halted or seen.time < self._status_times.get(seen.symbol, 0):
            return False
        self._halted_at[seen.symbol] = seen.time if seen.halted else None
        self._status_times[seen.symbol] = seen.time
        return True

    def _see_watermark(self, time: Instant) -> bool:
        if self.watermark is not None and time <= self.watermark:
            return False
        self._pass_to(time)
        self.watermark = time
        self.clock = max(self.clock, time)
        self._updates.append(WatermarkPassed(time=time))
        return True

    def _pass_to(self, time: Instant) -> None:
        """Ring the bells up to `time`: what waited for an opening is new, what was for the day expires."""
        for edge in self.sessions.pass_to(time):
            for account in self.accounts:
                for order in self.books.open_of(account):
                    if edge.bell is Bell.OPEN and order.status is Status.ACCEPTED:
                        self._become(order, Status.NEW, edge.time, eligible_from=edge.time)
                    elif order.expires_at is not None and order.expires_at <= edge.time:
                        self._become(order, Status.EXPIRED, edge.time)
                if edge.bell is Bell.CLOSE:
                    self.equity_at_close[account] = self.books.equity(account)

    def _become(self, order: VenueOrder, status: Status, time: Instant, **changes: Any) -> VenueOrder:
        changed = order.become(status, time, **changes)
        self.books.put(changed)
        self._say(changed)
        return changed

    def _say(self, order: VenueOrder) -> None:
        position = self.books.ledger.lots(order.account, order.symbol)
        self._updates.append(OrderChanged(order=order, legs=self.books.legs_of(order), position=position))

    def _told(self, applied: bool) -> Outcome:  # noqa: FBT001  it is the sentence's subject
        return Outcome(applied=applied, updates=tuple(self._updates))

    def _count(self, account: str) -> int:
        self._counters[account] += 1
        return self._counters[account]


def _refused(reason: Reason, message: str) -> Outcome:
    return Outcome(applied=False, refusal=Refusal(reason=reason, message=message))
