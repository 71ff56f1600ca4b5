"""The simulated exchange: a state machine that takes one input at a time and says what came of it.

    submitted ──▶ accepted or refused        bar ──▶ fills, legs armed, siblings canceled
    replaced  ──▶ a new order, or refused    watermark ──▶ sessions open and close, the clock moves on
    cancel    ──▶ canceled or refused        fault ──▶ an execution busted or corrected, an order rejected
    package   ──▶ several options, as one    quote ──▶ fills of options
    exercise  ──▶ shares at the strike

- The clock is the data's: the last watermark, or a later bar's end; before any data, the time it was set to.
- An order is filled only by bars that start at or after its acceptance, in hours in which it may trade.
- What a bar fills has that bar's end as its time: nobody knew of it before.
- An entry that fills at a bar's open arms its legs for that very bar; one that fills inside, for the next,
  because nobody knows what of the bar came after it.
- One account may take a share of a bar's volume, where the settings say so; what it cannot take waits.
- A halted symbol matches nothing that began in the halt; its orders rest, and new ones join them.
- Bars and statuses told twice, or older than the clock, change nothing.
- A cancel or replacement that is pending has not reached the market: a bar that starts before it does may
  still fill the order.
"""

from typing import assert_never

from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import SECOND, Instant
from agenttrader.simulation import corporate_actions, mishaps
from agenttrader.simulation.acceptance import judge, refused
from agenttrader.simulation.agenda import Agenda
from agenttrader.simulation.books import Books
from agenttrader.simulation.clearing import Clearing
from agenttrader.simulation.crossing import Crossing
from agenttrader.simulation.expirations import expire
from agenttrader.simulation.floor import Floor
from agenttrader.simulation.inputs import (
    BarSeen,
    BustAsked,
    CancelAsked,
    CorporateActionKind,
    CorporateActionSeen,
    CorrectionAsked,
    ExerciseAsked,
    HaltSeen,
    Input,
    Mishap,
    OrderSubmitted,
    Outcome,
    PackageSubmitted,
    RejectAsked,
    ReplaceAsked,
    Request,
    Settings,
    WatermarkPassed,
    WatermarkSeen,
)
from agenttrader.simulation.lifetimes import Lifetime, expiry_status
from agenttrader.simulation.matching import IMMEDIATE
from agenttrader.simulation.option_acceptance import intent_of
from agenttrader.simulation.option_book import OptionBook
from agenttrader.simulation.option_crossing import OptionCrossing
from agenttrader.simulation.option_exercise import exercise
from agenttrader.simulation.orders import (
    PENDING,
    WORKING,
    Event,
    PackageSubmission,
    Reason,
    Refusal,
    Replacement,
    Status,
    Submission,
    VenueOrder,
)
from agenttrader.simulation.packages import judge_package, place_package
from agenttrader.simulation.placing import place
from agenttrader.simulation.quotes import Quote, QuoteSeen, quote_of
from agenttrader.simulation.replacing import judge_replacement
from agenttrader.simulation.sessions import Bell, Edge, Sessions

_ENDED_BY = {Status.EXPIRED: Event.EXPIRED, Status.CANCELED: Event.CANCELED}


class Exchange:
    """Several accounts at one exchange, each filled as if it were alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.accounts = {account.name: account for account in settings.accounts}
        self.books = Books(settings.listings, settings.accounts, settings.market_reserve_percent)
        self.sessions = Sessions(settings.sessions, settings.start)
        self.clearing = Clearing(settings, self.books)
        self.floor = Floor(self.clearing)
        self.activities = self.clearing.activities
        self.market = Crossing(self.floor, self.sessions, settings.volume_percent)
        self.options = OptionCrossing(self.floor, self.sessions, self.market.is_halted)
        closes = {session.date: session.close for session in settings.sessions}
        self.quoting = OptionBook(settings.listings, settings.quoting, closes)
        self.clock = settings.start
        self.watermark: Instant | None = None
        self.equity_at_close: dict[str, int] = {}
        self._pending = settings.habits.pending_seconds * SECOND
        self._agenda = Agenda()
        self._actions: set[CorporateActionSeen] = set()
        for account in self.accounts:
            self.equity_at_close[account] = self.books.equity(account)

    def handle(self, input_: Input) -> Outcome:
        """Apply one input. Raises BadValue, with nothing changed, for a bar or an action that cannot be."""
        match input_:
            case BarSeen():
                applied = self._see_bar(input_)
            case WatermarkSeen():
                applied = self._see_watermark(input_.time)
            case QuoteSeen():
                applied = self._see_quote(input_)
            case HaltSeen():
                applied = self._see_halt(input_)
            case CorporateActionSeen():
                applied = self._see_action(input_)
            case OrderSubmitted() | PackageSubmitted() | ReplaceAsked() | CancelAsked():
                return self._answer(self._asked(input_))
            case ExerciseAsked():
                refusal = exercise(self.clearing, input_.account, input_.symbol, self.clock)
                return Outcome(applied=refusal is None, refusal=refusal)
            case BustAsked() | CorrectionAsked() | RejectAsked():
                return self._answer(self._befallen(input_))
            case _:
                assert_never(input_)
        return Outcome(applied=applied, updates=self.floor.take_updates())

    def _answer(self, found: str | Refusal) -> Outcome:
        """What came of a request: the order as it then is."""
        if isinstance(found, Refusal):
            return Outcome(applied=False, refusal=found)
        return Outcome(applied=True, updates=self.floor.take_updates(), order=self.books.orders[found])

    def _asked(self, request: Request) -> str | Refusal:
        """The id of the order that came of a client's request, or why nothing did."""
        match request:
            case OrderSubmitted():
                return self._submit(request.account, request.submission)
            case PackageSubmitted():
                return self._submit_package(request.account, request.submission)
            case ReplaceAsked():
                return self._replace(request.account, request.order_id, request.replacement)
            case CancelAsked():
                return self._cancel(request.account, request.order_id)
            case _:
                assert_never(request)

    def _befallen(self, mishap: Mishap) -> str | Refusal:
        """The id of the order that it befell, or why there is none. Raises BadValue for a price too fine."""
        match mishap:
            case BustAsked():
                found = mishaps.bust(self.floor, mishap.execution_id, self.clock)
            case CorrectionAsked():
                found = mishaps.correct(self.floor, mishap.execution_id, mishap.price, self.clock)
            case RejectAsked():
                found = mishaps.reject(self.floor, mishap.order_id, mishap.message, self.clock)
            case _:
                assert_never(mishap)
        return found or refused(
            Reason.NOT_FOUND, "expected an execution that stands or an open order, found none"
        )

    def _submit(self, account: str, asked: Submission) -> str | Refusal:
        accepted = judge(self.books, self.accounts[account], asked, self.sessions, self.clock)
        if isinstance(accepted, Refusal):
            return accepted
        when, eligible = self._reached(accepted.lifetime)
        listing, intent = self.books.listings[asked.symbol], None
        if listing.is_option:
            intent = intent_of(self.books, account, asked.symbol, asked.side)
        return self._placed(
            *place(
                self.floor.numberings[account],
                account,
                listing,
                asked,
                replace(accepted, lifetime=when),
                self.clock,
                eligible,
                intent,
            )
        )

    def _submit_package(self, account: str, asked: PackageSubmission) -> str | Refusal:
        accepted = judge_package(self.books, self.accounts[account], asked, self.sessions, self.clock)
        if isinstance(accepted, Refusal):
            return accepted
        when, eligible = self._reached(accepted.lifetime)
        numbering = self.floor.numberings[account]
        accepted = replace(accepted, lifetime=when)
        return self._placed(*place_package(numbering, account, asked, accepted, self.clock, eligible))

    def _reached(self, when: Lifetime) -> tuple[Lifetime, Instant]:
        """An order's status, pending first where that lasts, and from when on it is in the market."""
        if self._pending == 0 or when.status is not Status.NEW:
            return when, self.clock
        return replace(when, status=Status.PENDING_NEW), Instant(self.clock + self._pending)

    def _placed(self, order: VenueOrder, *legs: VenueOrder) -> str:
        self.books.add(order, *legs)
        self.floor.say(order, Event(order.status.value))
        for each in (order, *legs):
            if each.status is Status.PENDING_NEW:
                self._agenda.add(each.eligible_from, each.id)
        self._note_end(order)
        return order.id

    def _note_end(self, order: VenueOrder) -> None:
        """What never rests ends without a bar or bell, too."""
        if order.time_in_force in IMMEDIATE and order.expires_at is not None:
            self._agenda.add(Instant(order.expires_at + self._pending), order.id)

    def _replace(self, account: str, order_id: str, asked: Replacement) -> str | Refusal:
        order = self.books.order_of(account, order_id)
        if order is None:
            return refused(Reason.NOT_FOUND, f"order not found for {order_id}")
        changed = judge_replacement(self.books, order, asked, self.sessions, self.clock)
        if isinstance(changed, Refusal):
            return changed
        waits = self._pending > 0 and order.status in WORKING
        sequence, new_id = self.floor.numberings[account].next()
        reaches = Instant(self.clock + self._pending) if waits else self.clock
        new = replace(
            changed,
            id=new_id,
            sequence=sequence,
            client_order_id=asked.client_order_id or new_id,
            status=Status.PENDING_NEW,
            accepted_at=self.clock,
            updated_at=self.clock,
            eligible_from=max(reaches, order.eligible_from),
            legs=(),
            filled_lots=0,
            filled_value=0,
            execution=None,
            is_unwanted=False,
            replaces=order.id,
        )
        self.floor.add_replacement(order, new, self.clock, pending=waits)
        if waits:
            self._agenda.add(reaches, new_id)
        else:
            self.floor.complete_replacement(new, self.clock)
        self._note_end(new)
        return new_id

    def _cancel(self, account: str, order_id: str) -> str | Refusal:
        """Cancel an order; with it, everything of its bracket that is still open."""
        order = self.books.order_of(account, order_id)
        if order is None:
            return refused(Reason.NOT_FOUND, f"order not found for {order_id}")
        if not order.status.is_open or order.status in PENDING or order.is_replacing:
            return refused(Reason.UNPROCESSABLE, f"order is not cancelable: it is {order.status.value}")
        members = self.floor.members(order)
        working = [each for each in members if each.status in WORKING - PENDING]
        if self._pending == 0 or not working:
            self.floor.cancel_all(order, self.clock)
            return order_id
        for each in working:
            self.floor.change(each.become(Status.PENDING_CANCEL, self.clock), Event.PENDING_CANCEL)
            self._agenda.add(Instant(self.clock + self._pending), each.id)
        if order.status is Status.HELD:
            self.books.amend(replace(order, is_unwanted=True))
        return order_id

    def _see_bar(self, seen: BarSeen) -> bool:
        listing = self.books.listings.get(seen.symbol)
        if (
            listing is None
            or listing.is_option
            or not self.market.is_new(seen)
            or seen.end <= (self.watermark or 0)
        ):
            return False
        bar = self.market.bar(seen, listing)
        self._advance(bar.start)
        self.market.remember(seen)
        self.clock = max(self.clock, seen.end)
        self.market.cross(bar, seen.symbol, self.accounts, seen.volume)
        self.books.marks[seen.symbol] = bar.close
        self.quoting.note(seen.symbol, seen.end, listing.price_femtos(bar.close))
        return True

    def _see_quote(self, seen: QuoteSeen) -> bool:
        listing = self.books.listings.get(seen.symbol)
        if listing is None or not listing.is_option or seen.time <= (self.watermark or 0):
            return False
        if not self.options.is_new(seen.symbol, seen.time):
            return False
        self._quote(seen.symbol, quote_of(seen, listing))
        return True

    def _quote(self, symbol: str, quote: Quote) -> None:
        self._advance(quote.time)
        self.clock = max(self.clock, quote.time)
        self.options.see(symbol, quote, self.accounts)

    def _see_halt(self, seen: HaltSeen) -> bool:
        if seen.symbol not in self.books.listings or seen.time <= (self.watermark or 0):
            return False
        return self.market.halt(seen)

    def _see_action(self, seen: CorporateActionSeen) -> bool:
        listing = self.books.listings.get(seen.symbol)
        if listing is None or seen.time <= (self.watermark or 0) or seen in self._actions:
            return False
        corporate_actions.check(seen, listing)
        if seen.kind is CorporateActionKind.SPLIT and seen.symbol in self.books.options.underlyings:
            raise BadValue(f"{seen.symbol}: expected no split while options on it are listed, found one")
        self._actions.add(seen)
        self._advance(seen.time)
        self.clock = max(self.clock, seen.time)
        corporate_actions.act(self.floor, seen)
        return True

    def _see_watermark(self, time: Instant) -> bool:
        if self.watermark is not None and time <= self.watermark:
            return False
        for symbol, quote in self.quoting.quotes(time):
            if self.options.is_new(symbol, quote.time):
                self._quote(symbol, quote)
        self._advance(time)
        self.watermark = time
        self.clock = max(self.clock, time)
        self.floor.tell(WatermarkPassed(time=time))
        return True

    def _advance(self, time: Instant) -> None:
        """Do what is due up to `time`, in its order: bells, and what was pending."""
        while (due := min(self.sessions.next_edge, self._agenda.next_time)) <= time:
            if due == self._agenda.next_time:
                self._wake(*self._agenda.take())
            else:
                for edge in self.sessions.pass_to(due):
                    self._ring(edge)

    def _wake(self, time: Instant, order_id: str) -> None:
        """An order's pending state is over, or its two minutes are; what changed meanwhile is left alone."""
        order = self.books.orders[order_id]
        if order.is_replacing:
            self.floor.complete_replacement(order, time)
        elif order.status is Status.PENDING_NEW:
            self.floor.change(order.become(Status.NEW, time), Event.NEW)
        elif order.status is Status.PENDING_CANCEL:
            self.floor.cancel_all(order, time)
        elif order.status.is_open and order.time_in_force in IMMEDIATE:
            self.floor.end(order, Status.CANCELED, Event.CANCELED, time)

    def _ring(self, edge: Edge) -> None:
        """What waited for these hours is new, what was for the day is over."""
        for account in self.accounts:
            for order in self.books.open_of(account):
                # One before it may have ended it.
                self._hear_bell(self.books.orders[order.id], edge)
            if edge.bell is Bell.CLOSE:
                expire(self.clearing, self.sessions, account, edge.session.date, edge.time)
                self.equity_at_close[account] = self.books.equity(account)
            if edge.ends_day:
                self.clearing.end_day(account, edge.session, edge.time)

    def _hear_bell(self, order: VenueOrder, edge: Edge) -> None:
        time, opens = edge.time, edge.bell is Bell.OPEN
        is_over = order.expires_at is not None and order.expires_at <= time
        rests = self.settings.habits.done_for_day and edge.bell is Bell.CLOSE and not order.extended_hours
        if not order.status.is_open:
            return
        if order.status is Status.ACCEPTED and (
            opens or (edge.bell is Bell.EARLY_OPEN and order.extended_hours)
        ):
            self.floor.change(order.become(Status.NEW, time, eligible_from=time), Event.NEW)
        elif rests and not order.is_option and order.status is Status.PARTIALLY_FILLED:
            self.floor.change(order.become(Status.DONE_FOR_DAY, time), Event.DONE_FOR_DAY)
        elif is_over and (opens or order.status is not Status.DONE_FOR_DAY):
            status = expiry_status(order.time_in_force)
            self.floor.end(order, status, _ENDED_BY[status], time)
        elif opens and order.status is Status.DONE_FOR_DAY:
            self.floor.change(order.become(Status.PARTIALLY_FILLED, time), Event.NEW)
