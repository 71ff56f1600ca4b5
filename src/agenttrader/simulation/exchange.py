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

from typing import assert_never

from msgspec.structs import replace

from agenttrader.model.times import Instant
from agenttrader.simulation.acceptance import Terms, judge
from agenttrader.simulation.books import Books
from agenttrader.simulation.fees import fees_of_sale
from agenttrader.simulation.identities import Numbering
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
from agenttrader.simulation.listings import Listing, femtos_of
from agenttrader.simulation.matching import PriceBar, Touch, touched_by
from agenttrader.simulation.orders import (
    Event,
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
        self._numberings = {account: Numbering(account) for account in self.accounts}
        self._halted_at: dict[str, Instant | None] = {}
        self._bar_ends: dict[str, Instant] = {}
        self._status_times: dict[str, Instant] = {}
        self._updates: list[Update] = []
        for account in settings.accounts:
            self.books.ledger.deposit(account.name, femtos_of(account.cash, "cash"))
            self.equity_at_close[account.name] = self.books.equity(account.name)

    def handle(self, input_: Input) -> Outcome:
        """Apply one input. Raises BadValue, with nothing changed, for a bar that its listing cannot hold."""
        self._updates = []
        match input_:
            case BarSeen():
                applied = self._see_bar(input_)
            case WatermarkSeen():
                applied = self._see_watermark(input_.time)
            case HaltSeen():
                applied = self._see_halt(input_)
            case OrderSubmitted():
                return self._submit(input_.account, input_.submission)
            case CancelAsked():
                return self._cancel_asked(input_.account, input_.order_id)
            case _:
                assert_never(input_)
        return Outcome(applied=applied, updates=tuple(self._updates))

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
        self._say(order, Event.NEW if order.status is Status.NEW else Event.ACCEPTED)
        return Outcome(applied=True, updates=tuple(self._updates), order=order)

    def _place(self, account: str, asked: Submission, terms: Terms, expires_at: Instant | None) -> VenueOrder:
        """Write down the order, and the legs of a bracket behind it."""
        sequence, order_id = self._numberings[account].next()
        # Two by position: for a call with more than 15 keywords Python makes a dictionary first.
        order = VenueOrder(
            order_id,
            sequence,
            account=account,
            client_order_id=asked.client_order_id or order_id,
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
            order_class=asked.order_class,
        )
        if terms.target_limit is None:
            self.books.add(order)
            return order
        target = self._leg(order, OrderType.LIMIT, limit=terms.target_limit)
        stop = self._leg(order, OrderType.STOP, stop=terms.protecting_stop)
        order = replace(order, legs=(target.id, stop.id))
        self.books.add(order, target, stop)
        return order

    def _leg(
        self, entry: VenueOrder, order_type: OrderType, *, limit: int | None = None, stop: int | None = None
    ) -> VenueOrder:
        sequence, order_id = self._numberings[entry.account].next()
        return replace(
            entry,
            id=order_id,
            sequence=sequence,
            client_order_id=order_id,
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
                self._change(each.become(Status.CANCELED, self.clock), Event.CANCELED)
        return Outcome(
            applied=True, updates=tuple(self._updates), order=self.books.order_of(account, order_id)
        )

    def _see_bar(self, seen: BarSeen) -> bool:
        listing = self.books.listings.get(seen.symbol)
        if (
            listing is None
            or seen.end <= self._bar_ends.get(seen.symbol, 0)
            or seen.end <= (self.watermark or 0)
        ):
            return False
        bar = PriceBar(
            seen.start,
            seen.end,
            listing.units(seen.open, "open"),
            listing.units(seen.high, "high"),
            listing.units(seen.low, "low"),
            listing.units(seen.close, "close"),
        )
        if bar.start >= self.sessions.next_edge:
            self._ring_bells(bar.start)
        self._bar_ends[seen.symbol] = seen.end
        self.clock = max(self.clock, seen.end)
        halted_at = self._halted_at.get(seen.symbol)
        if self.sessions.is_open(bar.start) and (halted_at is None or bar.start < halted_at):
            for account in self.accounts:
                touched = touched_by(bar, self.books.open_of(account, seen.symbol))
                if touched:
                    self._match(touched, bar)
        self.books.marks[seen.symbol] = bar.close
        return True

    def _match(self, touched: list[tuple[str, Touch]], bar: PriceBar) -> None:
        """Fill first what fills at the open, the legs that this arms included, then what fills inside."""
        while self._match_once(touched, bar, at_open=True):
            pass
        self._match_once(touched, bar, at_open=False)

    def _match_once(self, touched: list[tuple[str, Touch]], bar: PriceBar, *, at_open: bool) -> bool:
        filled = False
        for order_id, touch in touched:
            if touch.at_open is not at_open:
                continue
            # A fill before it may have armed or canceled it.
            order = self.books.orders[order_id]
            if order.status is Status.NEW and order.eligible_from <= bar.start:
                self._fill(order, touch.price, bar.end, bar.start if at_open else bar.end)
                filled = True
        return filled

    def _fill(self, order: VenueOrder, price: int, time: Instant, legs_from: Instant) -> None:
        """Fill the order whole, take fees, arm its legs for bars from `legs_from`, cancel its sibling."""
        account, listing = order.account, self.books.listings[order.symbol]
        self.books.ledger.trade(account, listing, order.lots * order.side.sign, price)
        sequence, execution_id = self._numberings[account].next()
        execution = Execution(id=execution_id, lots=order.lots, price=price, time=time)
        filled = order.become(
            Status.FILLED,
            time,
            filled_lots=order.lots,
            filled_value=order.lots * price,
            execution=execution,
        )
        self._change(filled, Event.FILL, execution)
        self.activities[account].append(
            FillPosted(id=execution_id, sequence=sequence, time=time, order=filled, execution=execution)
        )
        if order.side is Side.SELL:
            self._charge(filled, execution, listing)
        for leg in filled.legs:
            self._change(self.books.orders[leg].become(Status.NEW, time, eligible_from=legs_from), Event.NEW)
        if order.entry is not None:
            for sibling in self.books.legs_of(self.books.orders[order.entry]):
                if sibling.status.is_open:
                    self._change(sibling.become(Status.CANCELED, time), Event.CANCELED)

    def _charge(self, order: VenueOrder, execution: Execution, listing: Listing) -> None:
        notional = listing.notional(execution.price, execution.lots)
        for fee in fees_of_sale(self.settings.fees, notional, listing.billionths(execution.lots)):
            self.books.ledger.charge(order.account, fee.femtos)
            sequence, fee_id = self._numberings[order.account].next()
            self.activities[order.account].append(
                FeePosted(
                    id=fee_id,
                    sequence=sequence,
                    time=order.updated_at,
                    account=order.account,
                    name=fee.name,
                    femtos=fee.femtos,
                    order=order,
                    execution=execution,
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
        if time >= self.sessions.next_edge:
            self._ring_bells(time)
        self.watermark = time
        self.clock = max(self.clock, time)
        self._updates.append(WatermarkPassed(time=time))
        return True

    def _ring_bells(self, time: Instant) -> None:
        """Those up to `time`: what waited for an opening is new, what was for the day expires."""
        for edge in self.sessions.pass_to(time):
            for account in self.accounts:
                for order in self.books.open_of(account):
                    if edge.bell is Bell.OPEN and order.status is Status.ACCEPTED:
                        self._change(order.become(Status.NEW, edge.time, eligible_from=edge.time), Event.NEW)
                    elif order.expires_at is not None and order.expires_at <= edge.time:
                        self._change(order.become(Status.EXPIRED, edge.time), Event.EXPIRED)
                if edge.bell is Bell.CLOSE:
                    self.equity_at_close[account] = self.books.equity(account)

    def _change(self, order: VenueOrder, event: Event, execution: Execution | None = None) -> None:
        """Write down what an order has become, and say so."""
        self.books.change(order)
        self._say(order, event, execution)

    def _say(self, order: VenueOrder, event: Event, execution: Execution | None = None) -> None:
        legs = self.books.legs_of(order) if order.legs else ()
        position = self.books.ledger.lots(order.account, order.symbol)
        self._updates.append(
            OrderChanged(event=event, order=order, legs=legs, position=position, execution=execution)
        )


def _refused(reason: Reason, message: str) -> Outcome:
    return Outcome(applied=False, refusal=Refusal(reason=reason, message=message))
