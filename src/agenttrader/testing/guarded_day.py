"""A careless day (`careless_day`) with the exits unit beside it: what agents leave bare, it covers or leaves.

Venue, gateway and agents are those of a careless day, with thin markets, lost answers, halts and restarts;
the exits unit is the product's own host, told by the gateway's own snapshots. It dies too, sometimes with its
memory. `findings` is empty unless a promise about exits was broken.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Struct, structs

from agenttrader.app.gateway.views import snapshot_body
from agenttrader.exits.acts import Cancel, Doubt, Patience, Tenancy
from agenttrader.gateway.limits import Grant
from agenttrader.model.authority import Approval, Mode
from agenttrader.model.breaks import BreakKind, DoubtKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import BreakFound, Event, Filled
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.market import Bar, StatusChange, TradingStatus, Watermark
from agenttrader.model.orders import Effect, Side
from agenttrader.model.records import Sealed
from agenttrader.model.times import MINUTE, SECOND, Instant, rfc3339
from agenttrader.runtime.doubts import break_of_doubt
from agenttrader.runtime.exits_host import ExitsHost, Propose
from agenttrader.runtime.inputs import CancelAsked, DoubtsTold, MarketSeen, Proposed, TimeReached
from agenttrader.runtime.protection import bare_units, is_closing
from agenttrader.runtime.state import State
from agenttrader.simulation.days import Moment
from agenttrader.simulation.market import TICK
from agenttrader.testing.careless_agents import CarelessAgents, CarelessPerson
from agenttrader.testing.careless_gateway import CarelessGateway, Posting, Switch
from agenttrader.testing.careless_kind import kind_of
from agenttrader.testing.careless_market import CarelessMarket
from agenttrader.testing.careless_watch import Watch
from agenttrader.testing.careless_world import (
    LIMITS,
    MULTIPLIERS,
    START,
    STRATEGY,
    calendar,
    rules,
    venue_settings,
)
from agenttrader.testing.decided_again import decided_otherwise
from agenttrader.testing.venue_calls import VenueCalls

EXITS = AgentName("exits")
PATIENCE = Patience(partial_fill_seconds=60, retry_seconds_max=60)
ROUNDS = 4
"""How often the unit may act in a minute, each time on what came of it."""
DIES_ONE_IN = 40
"""Minutes, on average, after which the unit starts anew; every other time without its memory."""
_COMPARED_EVERY = 45 * MINUTE


class GuardedDay(Struct, frozen=True, kw_only=True):
    """What happened: the unit's acts by kind, its denials by code, and what should not have been."""

    seed: int
    acts: dict[str, int]
    denials: dict[str, int]
    restarts: int
    head: str
    findings: tuple[str, ...]


def play(seed: int, minutes_max: int) -> GuardedDay:
    """The day that `seed` means."""
    with asyncio.Runner() as runner:
        day = _Day(seed, minutes_max, runner)
        day.play()
        return day.told()


class _Planners(CarelessAgents):
    """Careless agents whose plans say more than stop and target."""

    def _cancel(self) -> None:
        """Ask for the end of an entry of one's own: that a person takes protection away is not tried here."""
        entries = [order for order in self._gateway.engine.state.book.orders.open_orders() if order.adds_risk]
        if entries:
            order = self._one_of(*entries)
            self._gateway.handle(CancelAsked(order.id, order.agent, "a change of mind", order.agent))

    def _leave(self) -> None:
        """Now and then a part of what is held is closed: the unit protects what stays."""
        positions = self._gateway.engine.state.book.positions()
        if not positions or self._chance.randrange(3):
            super()._leave()
            return
        symbol = self._one_of(*positions)
        held = positions[symbol].quantity
        self._propose(
            symbol,
            side=Side.SELL if held > 0 else Side.BUY,
            effect=Effect.CLOSE,
            quantity=Decimal(self._chance.randint(1, int(abs(held)) or 1)),
            exit_plan=None,
        )

    def _propose(self, symbol: Symbol, **changes: Any) -> None:
        plan = changes.get("exit_plan")
        if plan is not None:
            price, now = changes["decision_price"], self._gateway.now
            more: tuple[dict[str, Any], ...] = (
                {},
                {"trail": max(TICK, (price / 200).quantize(TICK))},
                {"until": Instant(now + self._chance.randint(3, 30) * MINUTE)},
                {"before_close_seconds": self._chance.randint(60, 600)},
            )
            changes["exit_plan"] = structs.replace(plan, **self._one_of(*more))
        super()._propose(symbol, **changes)


class _Day:
    """The day while it is played."""

    def __init__(self, seed: int, minutes_max: int, runner: asyncio.Runner) -> None:
        self._seed = seed
        # What takes executions back, or makes others of shares, is not what is tried here.
        kind = structs.replace(kind_of(seed, minutes_max), is_rough=False, coins=False, actions=())
        self._chance = _chance(seed, "guard")
        self._venue = VenueCalls(venue_settings(kind.minutes, kind.volume_percent, kind.habits, coins=False))
        self._sessions = calendar(kind.minutes).sessions[: len(kind.minutes)]
        self._market = CarelessMarket(kind, seed, _chance(seed, "nights"))
        switch = Switch()
        self._watch = Watch(LIMITS, switch)
        plain = rules(kind.minutes)
        unit = Grant(
            strategies=frozenset({STRATEGY}),
            symbols=frozenset(plain.limits.symbol),
            mode_ceiling=Mode.PAPER,
            approval=Approval.AUTO,
            reduces_only=True,
        )
        self._gateway = CarelessGateway(
            venue=self._venue,
            rules=structs.replace(plain, grants=plain.grants | {EXITS: unit}),
            switch=switch,
            chance=_chance(seed, "road"),
            runner=runner,
            on_posting=self._leaves,
        )
        self._agents = _Planners(self._gateway, self._watch, _chance(seed, "agents"))
        self._person = CarelessPerson(self._gateway, self._watch, _chance(seed, "person"), self._sessions[0])
        self._host = self._new_host({})
        self._acts: Counter[str] = Counter()
        self._denials: Counter[str] = Counter()
        self._restarts = 0
        self._held_back: set[tuple[Symbol, Instant]] = set()
        """The minutes in which something kept the unit from protecting a symbol."""
        self._findings: list[str] = []

    def play(self) -> None:
        """From before the first open to after the last close."""
        self._gateway.start(START)
        self._gateway.handle(TimeReached(START))
        for before, session in zip((None, *self._sessions), self._sessions, strict=False):
            if before is not None:
                for moment in self._market.night(before):
                    self._live(moment, with_agents=False)
            self._person.session = session
            self._host = self._new_host(self._host.bests)
            for moment in self._market.day(session):
                self._live(moment, with_agents=True)

    def told(self) -> GuardedDay:
        """What came of it."""
        records = list(self._gateway.journal.read())
        return GuardedDay(
            seed=self._seed,
            acts=dict(sorted(self._acts.items())),
            denials=dict(sorted(self._denials.items())),
            restarts=self._restarts,
            head=self._gateway.engine.chain.head,
            findings=(
                *self._findings,
                *self._turned(records),
                *self._bare_for_too_long(records),
                *self._left_bare(),
                *decided_otherwise(records, self._gateway.engine.rules, MULTIPLIERS),
            ),
        )

    # The day.

    def _live(self, moment: Moment, *, with_agents: bool) -> None:
        news: list[Bar | StatusChange] = [*moment.statuses, *moment.bars]
        for event in (*news, Watermark(time=moment.time)):
            self._venue.hear(event)
        for seen in news:
            self._gateway.handle(MarketSeen(seen))
            self._host.take(seen)
        self._gateway.handle(TimeReached(moment.time))
        self._gateway.hear_stream()
        self._gateway.hand_over_parcels()
        self._host.take(Watermark(time=moment.time))
        if with_agents:
            self._person.act()
            for _ in range(self._chance.randrange(3)):
                self._agents.act()
        self._note_what_holds_back()
        self._guard()
        if (moment.time - START) % _COMPARED_EVERY == 0:
            self._gateway.compare()

    def _guard(self) -> None:
        """The unit acts, sees what came of it, and acts again."""
        if self._chance.randrange(DIES_ONE_IN) == 0:
            self._restarts += 1
            self._host = self._new_host(self._host.bests if self._restarts % 2 else {})
            self._host.take(Watermark(time=self._gateway.now))
        for _ in range(ROUNDS):
            self._gateway.hear_stream()
            engine = self._gateway.engine
            self._host.take(snapshot_body(engine, None, rfc3339(self._gateway.now)))
            wanted = self._host.wanted()
            if self._host.decides:
                self._doubt([each for each in wanted if isinstance(each, Doubt)])
            for output in wanted:
                match output:
                    case Propose():
                        self._propose(output)
                    case Cancel():
                        self._acts["cancel"] += 1
                        asked = CancelAsked(output.order_id, EXITS, output.sentence, EXITS)
                        self._gateway.handle(asked)
                    case Doubt():
                        pass  # It was told.
            self._judge_closes()

    def _doubt(self, doubts: Sequence[Doubt]) -> None:
        """Tell what is in doubt; here that is nothing but orders that a freeze, or the exchange, stops."""
        breaks = []
        for doubt in doubts:
            breaks.append(break_of_doubt(doubt.symbol, doubt.about, doubt.sentence))
            if doubt.about is not DoubtKind.ORDER:
                self._findings.append(f"doubt: {doubt.sentence}")
        before = self._doubts
        self._gateway.handle(DoubtsTold(EXITS, tuple(breaks)))
        self._acts["doubt"] += self._doubts > before

    @property
    def _doubts(self) -> int:
        """How many of the unit's doubts halt a symbol now."""
        return sum(found.kind is BreakKind.DOUBT for found in self._gateway.engine.state.breaks)

    def _propose(self, output: Propose) -> None:
        proposal = output.proposal
        refusal = self._gateway.handle(Proposed(proposal))
        order = self._gateway.engine.state.book.orders.by_id[proposal.id]
        if refusal:
            self._findings.append(f"{proposal.id}: {refusal}")
        elif order.denied_by is not None:
            self._denials[order.denied_by] += 1
        else:
            self._acts[proposal.effect.value] += 1

    def _leaves(self, posting: Posting) -> None:
        leaving = posting.leaving
        if leaving.order_id not in self._watch.proposals:
            return
        self._watch.leaves(posting)
        proposal, instruction = self._watch.proposals[leaving.order_id], leaving.instruction
        held = abs(self._gateway.engine.state.book.position(proposal.symbol))
        if proposal.effect is Effect.CLOSE and instruction is not None and instruction.quantity < held:
            self._acts["part"] += 1

    def _new_host(self, bests: Mapping[Tenancy, Decimal]) -> ExitsHost:
        return ExitsHost(
            agent=EXITS,
            session=self._person.session if hasattr(self, "_person") else self._sessions[0],
            patience=PATIENCE,
            at_once=(),
            bests=bests,
            by_watermark=False,
        )

    def _note_what_holds_back(self) -> None:
        """Freezes, the exchange's halts, and closes that work: what is entered meanwhile is bare, too."""
        engine, now = self._gateway.engine, self._gateway.now
        if any(latch.state is TradingState.FROZEN for latch in engine.state.standing.latches.values()):
            self._held_back.update((symbol, now) for symbol in MULTIPLIERS)
        for symbol in MULTIPLIERS:
            status = engine.market.statuses.get(symbol)
            if status is TradingStatus.HALTED or is_closing(engine.state.book, symbol):
                self._held_back.add((symbol, now))

    # What is asserted of it.

    def _judge_closes(self) -> None:
        """However many rules fire, one close of a position works."""
        orders = self._gateway.engine.state.book.orders
        closing = Counter(
            order.legs[0].symbol
            for order in orders.open_orders()
            if order.agent == EXITS and order.effect is Effect.CLOSE
        )
        for symbol, count in closing.items():
            if count > 1:
                self._findings.append(f"{symbol}: {count} closes work at once")

    def _left_bare(self) -> Iterator[str]:
        """What is bare when the day is over, and no agent's exit works on."""
        state, now = self._gateway.engine.state, self._gateway.now
        for symbol in state.bare:
            if _is_bare(state, symbol) and (symbol, now) not in self._held_back:
                yield f"{symbol} is bare at the end"

    def _turned(self, records: list[Sealed[Event]]) -> Iterator[str]:
        """What an exit made larger, or turned round."""
        orders, held = self._gateway.engine.state.book.orders.by_id, dict.fromkeys(MULTIPLIERS, Decimal(0))
        for sealed in records:
            fill = sealed.event
            if not isinstance(fill, Filled):
                continue
            before, after = held[fill.symbol], held[fill.symbol] + fill.quantity * fill.side.sign
            held[fill.symbol] = after
            opens = orders[fill.order_id].adds_risk
            if before * after < 0 or (not opens and abs(after) > abs(before)):
                yield f"{fill.symbol}: {before} became {after} by {orders[fill.order_id].role.value}"

    def _bare_for_too_long(self, records: list[Sealed[Event]]) -> Iterator[str]:
        """Breaks in whose time nothing held the unit back."""
        span, state = (LIMITS.account.unprotected_seconds_max + 120) * SECOND, State(MULTIPLIERS)
        for sealed in records:
            state.apply(sealed)
            event = sealed.event
            if not isinstance(event, BreakFound) or event.found.kind is not BreakKind.UNPROTECTED:
                continue
            symbol = event.found.symbol
            held_back = any(
                whose == symbol and sealed.time - span <= minute <= sealed.time
                for whose, minute in self._held_back
            )
            if not held_back and symbol is not None and _is_bare(state, symbol):
                yield f"{rfc3339(sealed.time)}: {event.found.sentence}"


def _is_bare(state: State, symbol: Symbol) -> bool:
    """Whether more is bare than an agent's own exits are taking off: they hold the shares meanwhile."""
    return bare_units(state.book, symbol) > state.book.working(symbol).closing


def _chance(seed: int, whose: str) -> Random:
    return Random(f"{seed} {whose}")  # noqa: S311 - a day that fails must replay
