"""The entries that were approved today: how many, what they may cost, and how often the same came again.

Counted is what was approved, whatever came of it: an entry that was canceled, rejected or withheld has used
what the day permits all the same, and so has what it grew by where it was replaced. They are folded from the
journal, so that a restart forgets none. The sums begin anew with the day; how often the same came does not,
because a program that repeats itself does not look at the calendar.

An agent that enters the same again and again is halted until a person resumes it. A denial alone would let a
program that has gone wrong go on as soon as the time has passed (Knight Capital, 2012: SEC 34-70694).
"""

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal

from agenttrader.gateway.limits import REPEAT_SECONDS_MAX
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import Decision, TradingState
from agenttrader.model.events import Decided, Event, Halted
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.orders import Leg, Proposal, Side
from agenttrader.model.times import SECOND, Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.orders import Order
from agenttrader.portfolio.reserves import Sums

REPEATS = "repeats"
"""The check of them, and who halts by it."""
_Same = tuple[AgentName, tuple[Leg, ...], Side, Decimal]


class Entries:
    """The sums of one day. `note` is called with the order as it was approved, before it can have filled."""

    def __init__(self) -> None:
        self.count: dict[AgentName, int] = {}
        self.count_total = 0
        self.risk: dict[AgentName, Decimal] = {}
        """What they may cost at the worst price that their decisions knew, in the account's currency."""
        self.risk_total = ZERO
        self.count_by_table = Sums(0)
        """The same, by the tables of limits that count them."""
        self.risk_by_table = Sums(ZERO)
        self._today: set[OrderId] = set()
        self._times: dict[_Same, list[Instant]] = {}
        """When an agent had the same approved, in order; what replaces another is none of them."""

    def note(self, order: Order, time: Instant) -> None:
        """Count an order that was approved; what does not enter is not counted."""
        if order.adds_risk:
            self._today.add(order.id)
            self._count(order, 1, order.reserved)
            if order.replaces is None:
                self._times.setdefault(_same(order.proposal), []).append(time)

    def forget(self, order: Order) -> None:
        """Take back one that was only tried, or waited for a person, and is still as it was then."""
        if order.adds_risk:
            if order.id in self._today:
                self._today.discard(order.id)
                self._count(order, -1, -order.reserved)
            same = _same(order.proposal)
            times = self._times.get(same, [])
            if order.replaces is None and order.updated in times:
                times.remove(order.updated)
                if not times:
                    del self._times[same]

    def next_day(self, now: Instant) -> "Entries":
        """The sums of the day that begins at `now`: nought, but for what came again and again until then."""
        begun, since = Entries(), Instant(now - REPEAT_SECONDS_MAX * SECOND)
        begun._times = {
            same: late for same, times in self._times.items() if (late := times[bisect_right(times, since) :])
        }
        return begun

    def repeated(self, proposal: Proposal, since: Instant) -> int:
        """How often the agent had the same symbol, side and quantity approved after `since`."""
        times = self._times.get(_same(proposal), ())
        return len(times) - bisect_right(times, since)

    def resume(self, scope: Scope) -> None:
        """A person has lifted the halts of `scope`: what an agent in it repeated before is forgiven."""
        if scope.kind is ScopeKind.EVERYTHING:
            self._times.clear()
        elif scope.kind is ScopeKind.AGENT:
            self._times = {same: times for same, times in self._times.items() if same[0] != scope.name}

    def _count(self, order: Order, number: int, risk: Decimal) -> None:
        agent, about = order.agent, (order.proposal.strategy, order.legs)
        self.count_by_table.change(about, number)
        self.risk_by_table.change(about, risk)
        self.count[agent] = self.count.get(agent, 0) + number
        self.count_total += number
        self.risk[agent] = self.risk.get(agent, ZERO) + risk
        self.risk_total += risk


def events_of_denial(proposal: Proposal, decision: Decision) -> Iterator[Event]:
    """The record of a denial, and the halt of its agent where it repeated itself."""
    yield Decided(proposal=proposal, decision=decision)
    if decision.denied_by == REPEATS:
        (check,) = [each for each in decision.checks if each.code == REPEATS]
        what = f"{proposal.side.value} {proposal.quantity:f} {' '.join(leg.symbol for leg in proposal.legs)}"
        reason = (
            f"{what} came for the {check.observed}. time so soon, at most {check.permitted} are permitted"
        )
        scope = Scope(ScopeKind.AGENT, proposal.agent)
        yield Halted(scope=scope, state=TradingState.HALTED, by=REPEATS, reason=reason)


def _same(proposal: Proposal) -> _Same:
    return proposal.agent, proposal.legs, proposal.side, proposal.quantity
