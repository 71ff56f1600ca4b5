"""The journal folded once more, and each of its decisions made again by the gateway's own function.

A decision is made on the state before it, which is folded from the records before it, and on what it says
itself that it used: the time, prices, switches, the broker's buying power. Nothing comes from anywhere else,
and nothing is different afterwards: the next one is made on what really followed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import structs

from agenttrader.app.policy.alike import outcome
from agenttrader.gateway.decide import decide
from agenttrader.model.approvals import ApprovalAsked
from agenttrader.model.decisions import Decision, DecisionInputs, SwitchReading, TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Decided, Event, ReplaceRequested, SegmentOpened
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Sealed
from agenttrader.model.ruling import RulingEvent
from agenttrader.model.times import Instant
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.runtime.approvals import asked_about
from agenttrader.runtime.buying_power import BuyingPower
from agenttrader.runtime.groups import decisions_on
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.rule_values import ruled, values_of, with_values
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.ruling import Ruling
from agenttrader.runtime.snapshots import take_snapshot
from agenttrader.runtime.standings import Standings
from agenttrader.runtime.state import State

_STATUSES = {status.value: status for status in TradingStatus}


class Again(NamedTuple):
    """One recorded decision, and what it comes to when it is made again."""

    sequence: int
    proposal: Proposal
    recorded: Decision
    asked: Decision
    """By the limits that are asked about."""
    own: Decision | None
    """By those that ruled; None where the others come to what was recorded, and nobody has to know."""


class _Held(NamedTuple):
    """A decision as it is recorded."""

    sequence: int
    proposal: Proposal
    decision: Decision


class Replay:
    """One journal, handed in record by record; its decisions come out, made again.

    `state` is folded from the records so far, but for those of decisions that are still to come out.
    """

    def __init__(
        self,
        configured: Rules,
        multipliers: Mapping[Symbol, Decimal],
        ask: Callable[[Rules], Rules] | None = None,
    ) -> None:
        """`ask` makes the rules that are asked about of those that ruled; None: about those themselves."""
        self.state = State(multipliers)
        self._configured = configured
        self._ask = ask
        self._market = MarketView(configured.market_source)
        self._wired = configured.wired_switches
        self._switches: dict[str, SwitchReading] = {}
        self._power = BuyingPower()
        self._rule()
        self._held: list[Sealed[Event]] = []
        """Records that are folded together: the decisions among them were made before the first."""
        self._missing = 0
        """How many decisions belong to them that have not come yet."""

    def see(self, sealed: Sealed[Event]) -> Iterator[Again]:
        """Take in the next record: out come the decisions that are complete, just before they are folded."""
        event = sealed.event
        if not self._held and not isinstance(event, Decided | ApprovalAsked | ReplaceRequested):
            self._fold(sealed)
            return
        # A replacement is recorded before the decision that lets it be asked for, which was made before both;
        # the halt of an agent that repeats itself may stand between the members of a group.
        self._held.append(sealed)
        found = _decision_in(sealed)
        if found is not None:
            self._missing = max(1, self._missing or found.decision.inputs.together) - 1
            if not self._missing:
                yield from self._decide()

    def _decide(self) -> Iterator[Again]:
        held, self._held = self._held, []
        yield from self._again([found for each in held if (found := _decision_in(each)) is not None])
        for sealed in held:
            self._fold(sealed)

    def _fold(self, sealed: Sealed[Event]) -> None:
        self.state.apply(_light(sealed))
        if isinstance(sealed.event, SegmentOpened | RulingEvent):
            self._rule()

    def _rule(self) -> None:
        """Go by what ruled, as the journal says, whatever the configuration says by now."""
        self._own = rules_on_record(self._configured, self.state.ruling)
        self._asked = self._own if self._ask is None else self._ask(self._own)
        self._standings = Standings(structs.replace(self._own, wired_switches=self._wired))
        # A process that has just started had heard of no price; what is told since is in the state.
        self._by_own = self._by_asked = MarkedBook(self.state.book, self.state.told, self._own.scopes)
        if self._asked is not self._own:
            # Which tables of limits count a symbol is each rules' own.
            self._by_asked = MarkedBook(self.state.book, self.state.told, self._asked.scopes)

    def _again(self, decided: Sequence[_Held]) -> Iterator[Again]:
        for each in decided:
            if each.proposal.id in self.state.approvals.waiting:
                self.state.set_aside(each.proposal.id)
        asked = self._made(decided, self._asked)
        is_as_recorded = all(
            outcome(made) == outcome(each.decision) for made, each in zip(asked, decided, strict=True)
        )
        own: Sequence[Decision | None] = asked
        if self._ask is not None:
            own = [None] * len(asked) if is_as_recorded else self._made(decided, self._own)
        for each, by_asked, by_own in zip(decided, asked, own, strict=True):
            yield Again(each.sequence, each.proposal, each.decision, by_asked, by_own)

    def _made(self, decided: Sequence[_Held], rules: Rules) -> list[Decision]:
        """The decisions by `rules`, those of a group each as if the ones before it had been approved."""
        inputs = {each.proposal.id: each.decision.inputs for each in decided}
        proposals = [each.proposal for each in decided]

        def made(proposal: Proposal) -> Decision:
            return self._decision_on(proposal, inputs[proposal.id], rules)

        first = inputs[proposals[0].id]
        self._power.take(first.buying_power, self.state.book)
        if not first.together:
            return [made(each) for each in proposals]
        now = _time_of(first)
        return decisions_on(proposals, made, self.state, rules.instruments, now)

    def _decision_on(self, proposal: Proposal, inputs: DecisionInputs, rules: Rules) -> Decision:
        self._hear(inputs)
        now = _time_of(inputs)
        snapshot = take_snapshot(
            proposal,
            self.state,
            self._market,
            self._by_asked if rules is self._asked else self._by_own,
            rules,
            self._standings.of(self.state, self._switches, proposal),
            self._power.left(self.state.book),
            now,
        )
        decision = decide(proposal, snapshot, rules.limits)
        asked = asked_about(proposal, decision, self.state, rules, now)
        return decision if asked is None else asked.shown.decision

    def _hear(self, inputs: DecisionInputs) -> None:
        """Take what the decision says that it used."""
        for symbol, price in inputs.prices:
            self.state.told[symbol] = price
            self._by_own.see(symbol)
            self._by_asked.see(symbol)
        market = self._market
        for known in (market.marks, market.prices, market.statuses):
            known.clear()
        for mark in inputs.marks:
            if mark.price is not None and mark.time is not None:
                market.marks[mark.symbol] = Mark(price=mark.price, time=mark.time, source=mark.source or "")
                market.prices[mark.symbol] = mark.price
        market.began = {symbol: began for symbol, _, began in inputs.market if began is not None}
        market.prices.update({symbol: price for symbol, price, _ in inputs.market if price is not None})
        for symbol, low, high in inputs.ranges:
            market.moves.forget(symbol)
            for price in (low, high):
                market.moves.see(symbol, Mark(price=price, time=_time_of(inputs), source=""))
        for symbol, status in inputs.symbol_statuses:
            if status in _STATUSES:
                market.statuses[symbol] = _STATUSES[status]
        self._read_switches(inputs)

    def _read_switches(self, inputs: DecisionInputs) -> None:
        wired = tuple([name for name, _ in inputs.switches])
        readings = switches_in(inputs)
        if wired != self._wired:
            self._wired = wired
            self._standings = Standings(structs.replace(self._own, wired_switches=wired))
        elif readings != self._switches:
            self._standings.clear()
        self._switches = readings


def rules_on_record(configured: Rules, ruling: Ruling) -> Rules:
    """What rules by the journal; of what it does not say, what is configured."""
    values = values_of(configured)
    on_record = {**values, **(ruling.base or {})}
    if on_record == values:
        return ruled(configured, ruling)
    try:
        return ruled(with_values(configured, on_record), ruling)
    except (msgspec.ValidationError, BadValue):
        # Tables of what is configured no more, from a release that knew other limits, rule nothing here.
        return ruled(with_values(configured, {name: on_record[name] for name in values}), ruling)


def _light(sealed: Sealed[Event]) -> Sealed[Event]:
    """The record without what every check answered: an order keeps its decision, and nobody asks for it."""
    event = sealed.event
    if not isinstance(event, Decided):
        return sealed
    decision = structs.replace(event.decision, checks=())
    return structs.replace(sealed, body=b"", event=structs.replace(event, decision=decision))


def _decision_in(sealed: Sealed[Event]) -> _Held | None:
    match sealed.event:
        case Decided(proposal=proposal, decision=decision):
            return _Held(sealed.sequence, proposal, decision)
        case ApprovalAsked(shown=shown):
            return _Held(sealed.sequence, shown.proposal, shown.decision)
        case _:
            return None


def switches_in(inputs: DecisionInputs) -> dict[str, SwitchReading]:
    """What each switch said. One that halts and gave no reason was not read."""
    said = dict(inputs.said)
    return {
        name: SwitchReading(name=name, state=state, reason=said.get(name, ""))
        for name, state in inputs.switches
        if state is TradingState.ACTIVE or name in said
    }


def _time_of(inputs: DecisionInputs) -> Instant:
    assert inputs.now is not None, "expected the time of a decision"
    return inputs.now
