"""The engine: `handle(input, now) -> records and sends`, pure: no clock, no disk, no network, no chance.

It decides on the folded state and on the market's last word, seals what it decided as the next records of the
chain, and folds each at once, so that the next input sees its reservation. What it returns must be on disk
before anything of it leaves; the session sees to that, and if the disk fails, throws this engine away and
folds another.
"""

from collections.abc import Sequence
from typing import assert_never

from agenttrader.gateway.decide import decide
from agenttrader.model.approvals import ApprovalGiven
from agenttrader.model.decisions import Decision
from agenttrader.model.events import (
    BreakFound,
    BreakSettled,
    Decided,
    Event,
    PositionAdjusted,
    Reconciled,
    SegmentOpened,
    SegmentSealed,
    WindowClosed,
    WindowOpened,
    WindowResumed,
    Withheld,
)
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.records import Chain
from agenttrader.model.reports import BrokerStatement, ReportKind
from agenttrader.model.ruling import RulingEvent
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime import (
    acceptance,
    adoption,
    approvals,
    closing,
    flattening,
    groups,
    replacing,
    tightening,
)
from agenttrader.runtime.breakers import FLATTENER
from agenttrader.runtime.buying_power import BuyingPower
from agenttrader.runtime.cancels import refusal_of, too_many, unconfirmed, unwanted
from agenttrader.runtime.clock_skew import skewed
from agenttrader.runtime.day import turn_of_day
from agenttrader.runtime.doubts import events_of_doubts
from agenttrader.runtime.entries import events_of_denial
from agenttrader.runtime.executions import events_of, find_order
from agenttrader.runtime.footing import Footing
from agenttrader.runtime.inputs import (
    AccountStated,
    CancelAsked,
    Compared,
    DoubtsTold,
    GroupProposed,
    HaltAsked,
    HistoryTold,
    Input,
    LastLookStopped,
    LinkSeen,
    MarketSeen,
    Proposed,
    ReplaceAsked,
    Reported,
    StatementGiven,
    Stopping,
    SwitchSeen,
    TightenAsked,
    TimeReached,
    WindowCloseAsked,
)
from agenttrader.runtime.instructions import departure_of
from agenttrader.runtime.meanwhile import left_behind
from agenttrader.runtime.postings import events_of_statement
from agenttrader.runtime.protection import overdue
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.rule_values import waiting
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.samples import sample_of
from agenttrader.runtime.snapshots import take_snapshot
from agenttrader.runtime.staleness import Staleness
from agenttrader.runtime.state import State
from agenttrader.runtime.statements import judge
from agenttrader.runtime.strangers import Strangers


class Engine(Footing):
    """One account's decisions. `state` and `chain` come from a fold of the journal, empty or not."""

    def __init__(self, rules: Rules, state: State, chain: Chain) -> None:
        super().__init__(rules, state, chain)
        self._buying_power = BuyingPower()
        self._strangers = Strangers()
        self._staleness = Staleness()

    def take_over(self, before: "Engine") -> None:
        """Take what no journal holds from the engine before: last words of market, switches and broker."""
        self.market, self.switches = before.market, before.switches
        self._rule()
        self._buying_power = before._buying_power  # noqa: SLF001 - the same class

    def start(self, segment: SegmentOpened, now: Instant, meanwhile: Sequence[Event] = ()) -> Step:
        """Open this process's segment: halted, the window suspended, and with what was done `meanwhile`.

        What was leaving when the last process died becomes UNKNOWN.
        """
        self._begin(now)
        self._emit_all((segment, *meanwhile))
        self._emit_all(left_behind(self.state))
        return self._step

    def handle(self, received: Input, now: Instant) -> Step:  # noqa: C901, PLR0912 - one arm for each input
        """Decide what `received` means at `now`, record it, and say what to send once that is on disk."""
        self._begin(now)
        match received:
            case Proposed():
                self._propose(received.proposal)
            case GroupProposed():
                self._propose_group(received.proposals)
            case ReplaceAsked():
                self._replace(received)
            case Reported():
                self._report(received)
            case HistoryTold():
                self._emit_all(adoption.evident(self.state, received.reports))
            case MarketSeen():
                self.market.see(received.event)
                self.valued.see(received.event.symbol)
            case TimeReached():
                self._time(received.time)
            case CancelAsked():
                self._cancel(received)
            case LastLookStopped():
                self._emit(Withheld(order_id=received.order_id, reason=received.reason))
                self._settle(self.state.book.orders.by_id[received.order_id])
            case SwitchSeen():
                self._switch(received.reading)
            case StatementGiven():
                self._statement(received)
            case WindowCloseAsked():
                self._close_window(received.by, received.reason)
            case HaltAsked():
                self._halt(received)
            case TightenAsked():
                self._bring_about(tightening.tightened(received, self.rules))
            case DoubtsTold():
                self._emit_all(events_of_doubts(self.state.breaks, received))
            case AccountStated():
                self._account(received.statement)
            case Compared():
                self._compared(received)
            case LinkSeen():
                self._link(received)
            case Stopping():
                self._emit(SegmentSealed(reason=received.reason))
            case _:
                assert_never(received)
        self._trip(received, now)
        if self.state.approvals.waiting and not isinstance(received, Stopping):
            self._void()
        self._go_on_closing()
        return self._step

    # Orders.

    def _propose(self, proposal: Proposal) -> None:
        # Idempotency answers before anything is decided: the same proposal is the same order, in the state
        # that it has.
        known = self.state.book.orders.by_id.get(proposal.id)
        if known is None and proposal.group is None:
            self._record(proposal, self._decision_on(proposal))
        elif known is None:
            self._step.refusal = groups.NOT_ALONE
        elif known.proposal != proposal:
            self._step.refusal = (
                f"proposal id {proposal.id} was used for another order; send a new id for a new order"
            )

    def _propose_group(self, proposals: tuple[Proposal, ...]) -> None:
        orders = self.state.book.orders.by_id
        self._step.refusal = groups.refusal_of(orders, proposals)
        if self._step.refusal or proposals[0].id in orders:
            return
        instruments = self.rules.instruments
        found = groups.decisions_on(proposals, self._decision_on, self.state, instruments, self._now)
        for proposal, decision in zip(proposals, found, strict=True):
            self._record(proposal, decision)

    def _replace(self, asked: ReplaceAsked) -> None:
        known = self.state.book.orders.by_id.get(asked.replacement)
        if known is not None:
            if not replacing.repeats(known, asked):
                self._step.refusal = f"id {asked.replacement} was used for another order; send a new id"
            return
        proposal = replacing.replacement_of(self.state.book, asked, self.market.marks, self._now)
        if isinstance(proposal, str):
            self._step.refusal = proposal
        else:
            self._record(proposal, self._decision_on(proposal))

    def _decision_on(self, proposal: Proposal) -> Decision:
        standing, power = self.standing(proposal), self._buying_power.left(self.state.book)
        snapshot = take_snapshot(
            proposal, self.state, self.market, self.valued, self.rules, standing, power, self._now
        )
        return decide(proposal, snapshot, self.rules.limits)

    def _record(self, proposal: Proposal, decision: Decision) -> None:
        """Record what was decided, and what follows from it."""
        orders = self.state.book.orders.by_id
        asked = approvals.asked_about(proposal, decision, self.state, self.rules, self._now)
        if asked is not None:
            self._emit(asked)
        elif decision.denied_by is not None:
            self._emit_all(events_of_denial(proposal, decision))
        elif proposal.effect is Effect.CLOSE:
            self._emit(Decided(proposal=proposal, decision=decision))
            self._end_unwanted(*closing.in_the_way(self.state.book, orders[proposal.id]))
        else:
            instead = None
            if proposal.replaces is not None:
                instead = replacing.replacing_of(orders[proposal.replaces], proposal)
                self._emit(replacing.requested(proposal))
            instruction = departure_of(proposal, self.rules.instruments, instead)
            self._emit_and_send(Decided(proposal=proposal, decision=decision, instruction=instruction))

    def _report(self, received: Reported) -> None:
        report = received.report
        book = self.state.book
        order = find_order(book, report)
        if order is None:
            self._foreign(received)
            return
        is_news = False
        before = replacing.implied(order, report.time) if report.kind is ReportKind.FILLED else ()
        for event in (*before, *events_of(book, self.rules.fees, order, report)):
            # What the broker tells again makes no second break of what cannot be.
            if not (isinstance(event, BreakFound) and self.state.knows(event.found, report.time)):
                self._emit(event)
                is_news = True
        if is_news:
            self._settle(order, is_refused=report.kind is ReportKind.REPLACE_REFUSED)
            if report.kind is not ReportKind.CANCEL_REFUSED:
                self._end_unwanted(*replacing.family(order))

    def _settle(self, order: Order, *, is_refused: bool = False) -> None:
        """Record what follows for orders that this one replaces or is replaced by, and for breaks."""
        for event in replacing.settled(order, self._now, is_refused=is_refused):
            self._emit(event)
        if order.is_adopted:
            self._emit_all(adoption.covered(self.state, order))

    def _foreign(self, received: Reported) -> None:
        found, is_asked_about = self._strangers.hear(received.report, self.state.book)
        if found is not None and not self.state.knows(found, received.report.time):
            self._emit(BreakFound(found=found))
        self._step.resync = is_asked_about

    def _go_on_closing(self) -> None:
        """Send the closes that waited, where nothing is in their way any more."""
        for close in tuple(self.state.closing.values()):
            if closing.may_go_on(self.state, close):
                self._emit_and_send(closing.go_on(self.state, close))

    def _end_unwanted(self, *orders: Order) -> None:
        """Ask for the end of those `orders` that should have ended; they were not ready for it before."""
        if self.state.closing or self.state.standing.window is None:
            for cancel in unwanted(self.state, orders):
                self._emit_and_send(cancel)

    def _cancel(self, asked: CancelAsked) -> None:
        only_reduces = self.rules.only_reduces(asked.agent)
        self._step.refusal = refusal_of(self.state.book, asked, self.standing, only_reduces=only_reduces)
        self._step.refusal = self._step.refusal or too_many(self.state, asked, self.rules.limits, self._now)
        if not self._step.refusal:
            self._cancel_order(self.state.book.orders.by_id[asked.order_id], asked.by, asked.reason)

    def _trip(self, received: Input, now: Instant) -> None:
        """Latch what breakers ask for; close what is held, and end what would enter, where one asks it."""
        breakers = self.state.breakers
        due = breakers.due(self.rules.breakers, self.rules.authority.account)
        self._emit_all((*due, *skewed(received, self.rules, breakers, now, self._now)))
        if not isinstance(received, TimeReached):
            return
        for proposal in tuple(flattening.closes(self.state, self.rules, self.market, self._now)):
            self._record(proposal, self._decision_on(proposal))
        if (latch := flattening.latch_behind(self.state, self.rules)) is not None:
            for order in flattening.entries(self.state):
                self._cancel_order(order, FLATTENER, latch.reason)

    # Time and money.

    def _time(self, reached: Instant) -> None:
        if reached < self.state.last_time:
            return  # After a restart the market data tell the day again; what is on record was sampled then.
        turned = turn_of_day(self.rules.calendar, self.state, self.valued, reached)
        if turned is not None:
            self._emit(turned)
            self.market.begin_day()
            self._step.resync = bool(self.state.overnight)
        sample = sample_of(self.valued, self.state.breakers.water.last, reached)
        if sample is not None:
            self._emit(sample)
        stale = self._staleness.judge(self.market, self.rules, self.state.breakers, reached)
        self._emit_all(stale)
        self._emit_all(self.state.comparisons.outdated(self.rules.comparison_seconds_max, reached))
        window = self.state.standing.window
        if window is not None and reached >= window.statement.end:
            self._close_window("time", "the window has ended")
        self._end_unwanted(*self.state.book.orders.open_orders())
        self._emit_all(overdue(self.state.book, self.state.bare, self.rules.limits.account, self._now))

    def _account(self, statement: BrokerStatement) -> None:
        """The broker's word on the account: what it posted, and its buying power."""
        if statement.account != self.rules.authority.account:
            return  # It says nothing about ours; the comparison names it.
        book = self.state.book
        for event in events_of_statement(book, statement):
            self._emit(event)
            if isinstance(event, PositionAdjusted):
                self.market.forget(event.symbol)
                self.valued.see(event.symbol)
        self._buying_power.hear(statement, book)

    def _compared(self, compared: Compared) -> None:
        statement = compared.statement
        self._emit(
            Reconciled(
                run=compared.run,
                statement_time=statement.time if statement else None,
                orders=len(statement.open_orders) if statement else 0,
                positions=len(statement.positions) if statement else 0,
                executions=len(statement.executions) if statement else 0,
                breaks=compared.breaks,
                failure=compared.failure,
                left=compared.left,
            )
        )
        if not compared.failure:
            self._strangers.compare()
            for cancel in list(unconfirmed(self.state.book)):
                self._emit_and_send(cancel)

    # Authority.

    def _void(self) -> None:
        """End what waits for a person and may not any more."""
        self._emit_all(approvals.voided(self.state, self.market.prices, self.standing, self.rules, self._now))

    def _statement(self, given: StatementGiven) -> None:
        self._void()
        rules, looser = self.rules, waiting(self.configured, self.state.ruling)
        outcome = judge(given.signed, rules.authority, self.state, rules.calendar, self._now, looser)
        if isinstance(outcome, WindowOpened):
            outcome = self.rules.refusal_of_scope(outcome.signed.statement.scope) or outcome
        self._bring_about(outcome)

    def _bring_about(self, outcome: Event | str) -> None:
        """Record what a person's word brings about, or refuse it with a sentence."""
        if isinstance(outcome, str):
            self._step.refusal = outcome
            return
        self._emit_all(acceptance.events_of(outcome, self.state, self._now))
        if isinstance(outcome, ApprovalGiven) and self.state.approvals.waiting[outcome.order_id].is_approved:
            approved = self.state.set_aside(outcome.order_id)
            self._record(approved, self._decision_on(approved))
        if isinstance(outcome, BreakSettled) and outcome.found.order_id is not None:
            self._settle(self.state.book.orders.by_id[outcome.found.order_id])
        if isinstance(outcome, RulingEvent):
            self._rule()
        if isinstance(outcome, (WindowOpened, WindowResumed)):
            # Opening moves the wired switches to 0; a reading from before that is no reason to latch.
            self.switches.clear()
            self._standings.clear()

    def _close_window(self, by: str, reason: str) -> None:
        if self.state.standing.window is None:
            self._step.refusal = "no window is open"
            return
        self._emit(WindowClosed(by=by, reason=reason))
        for order in self.state.book.orders.open_orders():
            if order.adds_risk:
                self._cancel_order(order, by, reason)
