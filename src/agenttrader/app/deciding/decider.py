"""What the gateway would decide of one proposal: its own decision, on its own snapshot, by its own limits.

The book, the window and the latches are the gateway's journal folded, as far as this process can read it; the
market is the marks file. What neither says is not known, and denies. What was approved here counts as if the
gateway had approved it, though nothing was sent.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from msgspec import Struct, structs

from agenttrader.app.deciding.facts import NONE, Facts
from agenttrader.app.deciding.holding import Holds, Verify, WaitingEntry
from agenttrader.app.deciding.proposals import Wanted
from agenttrader.app.deciding.reservations import Reservations, kept_as
from agenttrader.app.gateway.alpaca_requests import default_plan
from agenttrader.app.gateway.approval_views import approval_body
from agenttrader.app.sections import ExitFractions
from agenttrader.gateway.decide import decide
from agenttrader.model.authority import Approval
from agenttrader.model.decisions import Decision, SwitchReading, TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Decided, Event, SegmentSealed
from agenttrader.model.identifiers import AgentName, Digest, OrderId, Symbol, derive_proposed_id
from agenttrader.model.instruments import Instrument, Option
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal
from agenttrader.model.records import Sealed
from agenttrader.model.times import SECOND, Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.runtime.approvals import voided
from agenttrader.runtime.halts import HaltStanding
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.rule_values import ruled
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.snapshots import take_snapshot
from agenttrader.runtime.standings import Standings
from agenttrader.runtime.state import State


class Ruling(Struct, frozen=True, kw_only=True):
    """What was decided, and what of the moment stands beside it in the record."""

    proposal: Proposal
    decision: Decision
    loses_too_much: bool
    """Whether the stop would lose more than the proposal itself permits, or nobody knows."""


class Decider:
    """One agent's proposals, decided one by one on what is known at that moment."""

    def __init__(
        self,
        rules: Callable[[Instant], Rules],
        multipliers: Mapping[Symbol, Decimal],
        agent: AgentName,
        silence_seconds_max: int,
        verify: Verify,
        fractions: ExitFractions | None = None,
    ) -> None:
        """`silence_seconds_max`: how old the journal's last word may be; a gateway that stopped says none.

        `verify` says whose word an envelope is. `fractions` are the agent's own exit plan, for entries that
        bring none.
        """
        self._rules = rules
        self._agent = agent
        self._silence_seconds_max = silence_seconds_max
        self._fractions = fractions
        self.state = State(multipliers)
        self.heard = Instant(0)
        """When the gateway last recorded anything."""
        self._reservations = Reservations(self.state)
        self.holds = Holds(self.state, verify)
        self._sealed = False
        self._market = MarketView("marks file")
        self._valued: MarkedBook | None = None
        self._limits = Digest("")
        """Those by whose groups the book was last valued."""
        self._facts = NONE
        self.sequence = 0
        """The number of the last record that it knows."""

    def follow(self, records: Iterable[Sealed[Event]]) -> None:
        """Fold what the gateway has recorded since `sequence`."""
        for record in records:
            self.state.apply(record)
            self._sealed = isinstance(record.event, SegmentSealed)
            self.sequence, self.heard = record.sequence, record.time

    def is_halted(self, switches: Mapping[str, SwitchReading], now: Instant) -> bool:
        """Whether a wired switch or a latch halts; a switch that was not read does."""
        standing = Standings(self._rules(now)).of(self.state, switches, None)
        switched = any(state is not TradingState.ACTIVE for _, state in standing.switches)
        return switched or bool(self.state.standing.latches)

    def see(self, facts: Facts) -> None:
        """Take the marks file as it stands now, whole: what is no longer in it is no longer known."""
        if facts is self._facts:
            return
        symbols = {*self._facts.marks, *facts.marks}
        self._facts = facts
        market = self._market
        for known in (market.marks, market.prices, market.statuses):
            known.clear()
        market.marks.update(facts.marks)
        market.prices.update({symbol: mark.price for symbol, mark in facts.marks.items()})
        market.statuses.update(facts.statuses)
        for symbol in symbols:
            if (mark := facts.marks.get(symbol)) is None:
                market.moves.forget(symbol)
            else:
                market.moves.see(symbol, mark)
                market.began.setdefault(symbol, mark.price)
        if self._valued is not None:
            for symbol in symbols:
                self._valued.see(symbol)

    def rule(self, wanted: Wanted, switches: Mapping[str, SwitchReading], now: Instant) -> Ruling:
        """Decide at `now`. Raises BadValue where the proposal and the configured instrument contradict."""
        rules = self.rules(now)
        instrument = rules.instruments.get(wanted.symbol)
        _expect_instrument(wanted, instrument)
        return self._ruling(wanted, self._proposal_of(wanted, instrument, now), rules, switches, now)

    def rule_again(self, order_id: OrderId, switches: Mapping[str, SwitchReading], now: Instant) -> Ruling:
        """Decide one that waited for persons, whole, on what is so by now. It waits no more then."""
        rules, held = self.rules(now), self.holds.by_id[order_id]
        proposal = self.state.set_aside(order_id)
        ruling = self._ruling(held.wanted, proposal, rules, switches, now)
        self.holds.end(order_id, now)
        return structs.replace(ruling, proposal=structs.replace(proposal, id=held.proposed))

    def rules(self, now: Instant) -> Rules:
        """What rules at `now`: the configuration, and what the gateway's persons have tightened."""
        return ruled(self._rules(now), self.state.ruling)

    def hold(self, wanted: Wanted, ruling: Ruling, now: Instant) -> OrderId | None:
        """Let it wait for persons; None where none can be asked about it."""
        return self.holds.ask(wanted, ruling.proposal, ruling.decision, self.rules(now), now)

    def voided(self, switches: Mapping[str, SwitchReading], now: Instant) -> tuple[tuple[OrderId, str], ...]:
        """What waits and may not any more, with the reason."""
        rules, orders = self.rules(now), self.state.book.orders.by_id
        waiting, epoch = self.holds.by_id.items(), self.holds.epoch
        taken = [
            (name, "the gateway has the order on record") for name, held in waiting if held.proposed in orders
        ]
        begun = [
            (name, "its approval is void: the gateway started again")
            for name, held in waiting
            if held.epoch != epoch
        ]

        def standing(proposal: Proposal) -> HaltStanding:
            return self._with_doubts(Standings(rules).of(self.state, switches, proposal), rules, now)

        over = tuple(voided(self.state, self._market.prices, standing, rules, now))
        ours = [(each.order_id, each.reason) for each in over if each.order_id in self.holds.by_id]
        return tuple({**dict(ours), **dict(begun), **dict(taken)}.items())

    def shown(self, order_id: OrderId, now: Instant) -> WaitingEntry:
        """The file of one that waits: what a person is shown, as things are now."""
        held = self.holds.by_id[order_id]
        authority, waits = self.rules(now).authority, self.state.approvals.waiting[order_id]
        return WaitingEntry(
            account=authority.account,
            epoch=held.epoch,
            configuration=authority.configuration,
            approval=approval_body(waits, self.state.book, self._market.prices, authority.requesters),
            wanted=held.wanted,
            words=held.words,
        )

    def _ruling(
        self,
        wanted: Wanted,
        proposal: Proposal,
        rules: Rules,
        switches: Mapping[str, SwitchReading],
        now: Instant,
    ) -> Ruling:
        if self._valued is None or self._limits != rules.limits_digest:
            self._valued = MarkedBook(self.state.book, self._market.prices, rules.scopes)
            self._limits = rules.limits_digest
        self._reservations.let_go(proposal.id, now)
        # Made anew: only switches that were just read count, and they are asked once.
        standing = self._with_doubts(Standings(rules).of(self.state, switches, proposal), rules, now)
        snapshot = take_snapshot(
            proposal, self.state, self._market, self._valued, rules, standing, self._power(now), now
        )
        if wanted.requires_approval and snapshot.grant is not None:
            grant = structs.replace(snapshot.grant, approval=Approval.MANUAL)
            snapshot = structs.replace(snapshot, grant=grant)
        is_known = wanted.symbol in rules.instruments
        multiplier = self.state.book.multiplier(wanted.symbol) if is_known else ZERO
        return Ruling(
            proposal=proposal,
            decision=decide(proposal, snapshot, rules.limits),
            loses_too_much=_loses_too_much(wanted, proposal, multiplier),
        )

    def reserve(self, ruling: Ruling, now: Instant) -> bytes:
        """Count what was approved at `now`, from here on; what `take_in` needs to count it again."""
        approved = Decided(proposal=ruling.proposal, decision=ruling.decision)
        self._reservations.hold(approved, now)
        return kept_as(approved)

    def take_in(self, kept: Iterable[bytes], now: Instant) -> None:
        """Count what was approved today by a process before this one."""
        self._reservations.take_in(kept, now)

    def _proposal_of(self, wanted: Wanted, instrument: Instrument | None, now: Instant) -> Proposal:
        symbol, side = wanted.symbol, wanted.side
        opens = self.state.book.position(symbol) * side.sign >= ZERO
        mark = self._market.prices.get(symbol)
        plan = ExitPlan(stop=wanted.stop_loss, target=wanted.take_profit)
        proposal = Proposal(
            id=derive_proposed_id(self._agent, wanted.proposal_id),
            client_order_id=wanted.proposal_id,
            agent=self._agent,
            strategy=wanted.strategy,
            legs=(Leg(symbol),),
            side=side,
            quantity=wanted.quantity,
            type=OrderType.MARKET if wanted.limit_price is None else OrderType.LIMIT,
            time_in_force=wanted.time_in_force,
            effect=Effect.OPEN if opens else Effect.REDUCE,
            reason=wanted.reason,
            decision_price=wanted.limit_price or mark or ZERO,  # without a price the check `quote` denies
            decision_time=now if wanted.created is None else wanted.created,
            correlation_id=wanted.correlation_id,
            limit_price=wanted.limit_price,
            exit_plan=plan if opens and plan != ExitPlan() else None,
            valid_until=wanted.valid_until,
        )
        if not opens or proposal.exit_plan is not None or self._fractions is None or mark is None:
            return proposal
        default = default_plan(proposal, mark, self._fractions, instrument)
        return structs.replace(proposal, exit_plan=default)

    def _with_doubts(self, standing: HaltStanding, rules: Rules, now: Instant) -> HaltStanding:
        """The standing, halted where the journal does not speak for a gateway that runs by `rules`."""
        segment = self.state.segment
        seconds = -((self.heard - now) // SECOND)
        if segment is None:
            why = "no record of a gateway can be read"
        elif self._sealed:
            why = "the gateway whose journal this is has stopped"
        elif segment.configuration != rules.authority.configuration:
            why = "the gateway runs by another configuration than this one"
        elif not 0 <= seconds <= self._silence_seconds_max:
            why = f"the gateway's last record is {seconds} s old, and may be {self._silence_seconds_max} s"
        else:
            return standing
        state = max(standing.state, TradingState.HALTED, key=lambda each: each.severity)
        return structs.replace(standing, state=state, reasons=(*standing.reasons, why))

    def _power(self, now: Instant) -> Decimal | None:
        stated = self._facts.buying_power
        if stated is None or not 0 <= now - stated.time <= self._silence_seconds_max * SECOND:
            return None
        return stated.amount - self._reservations.total


def _expect_instrument(wanted: Wanted, found: Instrument | None) -> None:
    """What the proposal says that it trades is what is configured under that name."""
    if found is None or wanted.asset_type is None:
        return  # the check `instrument` denies what is not configured
    kind = str(found.__struct_config__.tag).upper()
    if kind != wanted.asset_type:
        raise BadValue(f"asset_type: expected that of {wanted.symbol}, {kind}, found {wanted.asset_type}")
    option = wanted.option
    if isinstance(found, Option) and option is not None:
        said = (option.expiration, option.right.lower(), option.strike)
        if said != (found.expiry, found.right, found.strike):
            raise BadValue(
                f"option: expected that of {wanted.symbol}, {found.expiry} {found.right} {found.strike:f}, "
                f"found {option.expiration} {option.right} {option.strike:f}"
            )


def _loses_too_much(wanted: Wanted, proposal: Proposal, multiplier: Decimal) -> bool:
    if wanted.max_loss is None or proposal.effect is not Effect.OPEN:
        return False
    stop = None if proposal.exit_plan is None else proposal.exit_plan.stop
    if stop is None or not multiplier:
        return True
    return abs(proposal.decision_price - stop) * wanted.quantity * multiplier > wanted.max_loss
