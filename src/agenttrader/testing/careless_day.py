"""A whole trading day in which nobody is careful, from a seed; at its end three books must agree.

Generated bars, a halt, the open and the close; agents and a person behind a gateway; two accounts without
one. Venue, engine, dispatcher, journal and the translation between them are the product's own; only sockets
and processes are left out. A seed gives the same day again, to the last identifier.

`play` returns what happened. `disagreements` is empty unless a promise was broken: books that differ, an
order that left twice, without a window or past a limit, a refusal that left a trace, a journal that does not
verify or does not fold to the state that was live, a venue that its log does not give again.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from msgspec import Struct, structs

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakFound, Event, Reconciled
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, Watermark
from agenttrader.model.orders import OrderState, Role
from agenttrader.model.records import Sealed
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.runtime.inputs import MarketSeen, TimeReached
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.state import State
from agenttrader.simulation.days import Moment
from agenttrader.simulation.inputs import Habits
from agenttrader.simulation.market import MINUTES_MIN, generate_day
from agenttrader.testing.agreement import OurBook, disagreements, orders_of
from agenttrader.testing.careless_agents import CarelessAgents, CarelessPerson
from agenttrader.testing.careless_client import CarelessClient
from agenttrader.testing.careless_gateway import CarelessGateway, Switch
from agenttrader.testing.careless_watch import Watch
from agenttrader.testing.careless_world import (
    CASH,
    CLOSES,
    EARLY_MINUTES,
    FEES,
    GATED,
    LATE_MINUTES,
    LIMITS,
    MULTIPLIERS,
    POOR,
    RICH,
    START,
    calendar,
    rules,
    venue_settings,
)
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.venue_calls import VenueCalls

MINUTES_MAX = 390
_QUIET_VOLUME = 1_000
PENDING_SECONDS = (0, 0, 0, 20, 70)
"""How long the venue keeps orders and cancels pending: a day has one of these."""
_COMPARED_EVERY = 45 * MINUTE
LIQUIDITIES = ((0, 1), (0, 1), (1, 40), (5, 100), (10, 1_000))
"""What one account may take of a bar's volume, in per cent (0: all it asks), and how many times thinner than
it was generated that volume is: a day has one of these pairs."""


class CarelessDay(Struct, frozen=True, kw_only=True):
    """What happened. Orders of the gateway by state and its denials by code; the venue's orders by status.

    `head` is the end of the gateway's journal: two days with one head are the same day.
    """

    seed: int
    minutes: int
    bars: int
    orders: dict[str, int]
    denials: dict[str, int]
    venue_orders: dict[str, int]
    answers: dict[str, int]
    fills: int
    comparisons: int
    restarts: int
    head: str
    breaks: int
    bare: int
    """Closes that ended and left their position bare: told as a break of its symbol, and true."""
    disagreements: tuple[str, ...]


def play(seed: int, minutes_max: int = MINUTES_MAX) -> CarelessDay:
    """The day that `seed` means, of 60 minutes or more."""
    with asyncio.Runner() as runner:
        day = _Day(seed, minutes_max, runner)
        day.play()
        return day.told()


class _Day:
    """The day while it is played."""

    def __init__(self, seed: int, minutes_max: int, runner: asyncio.Runner) -> None:
        self._seed = seed
        self._chance = _chance(seed, "day")
        self._minutes = self._chance.randint(MINUTES_MIN, minutes_max)
        volume_percent, self._thinner = self._chance.choice(LIQUIDITIES)
        habits = Habits(
            pending_seconds=self._chance.choice(PENDING_SECONDS), done_for_day=self._chance.randrange(4) == 0
        )
        self._venue = VenueCalls(venue_settings(self._minutes, volume_percent, habits))
        self._session = calendar(self._minutes).sessions[0]
        self._switch = Switch()
        self._watch = Watch(LIMITS, self._switch)
        self._gateway = CarelessGateway(
            venue=self._venue,
            rules=rules(self._minutes),
            switch=self._switch,
            chance=_chance(seed, "road"),
            runner=runner,
            on_posting=self._watch.leaves,
        )
        self._agents = CarelessAgents(self._gateway, self._watch, _chance(seed, "agents"))
        self._person = CarelessPerson(
            self._gateway, self._watch, _chance(seed, "person"), self._session.close
        )
        self._marks = dict(CLOSES)
        self._clients = [
            CarelessClient(self._venue, name, CASH[name], FEES, self._marks, _chance(seed, name))
            for name in (RICH, POOR)
        ]
        self._is_rough = self._chance.randrange(3) == 0
        """Whether the exchange busts, corrects and rejects on this day."""
        self._bars = 0

    def play(self) -> None:
        """From before the open to after the close."""
        self._begin()
        for moment in self._moments():
            self._hear(moment)
            self._act()
            if (moment.time - START) % _COMPARED_EVERY == 0:
                self._gateway.compare()
        self._gateway.compare()
        for client in self._clients:
            client.hear_stream(self._gateway.now)

    def told(self) -> CarelessDay:
        """What came of it."""
        records = list(self._gateway.journal.read())
        bare, breaks = _breaks(records)
        self._watch.was_recorded(records)
        orders = self._gateway.engine.state.book.orders.by_id.values()
        asked = [order for order in orders if order.parent is None]
        theirs = {account: list(orders_of(self._venue, account)) for account in CASH}
        return CarelessDay(
            seed=self._seed,
            minutes=self._minutes,
            bars=self._bars,
            orders=_counted(order.state.value for order in asked),
            denials=_counted(order.denied_by for order in asked if order.denied_by is not None),
            venue_orders=_counted(order["status"] for each in theirs.values() for order in each),
            answers=_counted(answer for client in self._clients for answer in client.answers.elements()),
            fills=sum(len(json.loads(page)) for page in self._executions()),
            comparisons=self._gateway.comparisons,
            restarts=self._gateway.epoch - 1,
            head=self._gateway.engine.chain.head,
            breaks=len(breaks),
            bare=bare,
            disagreements=(*breaks, *self._findings(theirs[GATED])),
        )

    # The day.

    def _begin(self) -> None:
        self._gateway.start(START)
        self._gateway.handle(TimeReached(START))

    def _moments(self) -> Iterator[Moment]:
        """Every minute, from the one after the start; outside the session prices stand still."""
        for minute in range(1, EARLY_MINUTES):
            yield self._quiet(Instant(START + minute * MINUTE))
        yield from generate_day(CLOSES, self._session, self._seed).moments
        for minute in range(1, LATE_MINUTES + 1):
            yield self._quiet(Instant(self._session.close + minute * MINUTE))

    def _quiet(self, end: Instant) -> Moment:
        """A minute of extended hours: some of everything trades, all at the last price."""
        bars = tuple(
            Bar(
                symbol=symbol,
                start=Instant(end - MINUTE),
                interval=MINUTE,
                open=mark,
                high=mark,
                low=mark,
                close=mark,
                volume=Decimal(_QUIET_VOLUME),
            )
            for symbol, mark in self._marks.items()
        )
        return Moment(time=end, statuses=(), bars=bars)

    def _hear(self, moment: Moment) -> None:
        """What became known reaches the venue whole, then the gateway, with the venue's word on it."""
        bars = [structs.replace(bar, volume=bar.volume // self._thinner) for bar in moment.bars]
        news: list[Bar | StatusChange] = [*moment.statuses, *bars]
        for event in (*news, Watermark(time=moment.time)):
            self._venue.hear(event)
        for seen in news:
            self._gateway.handle(MarketSeen(seen))
        self._marks.update((bar.symbol, bar.close) for bar in bars)
        self._bars += len(bars)
        # By arrival, time may get there first.
        if self._chance.randrange(4):
            self._gateway.hear_stream()
        self._gateway.handle(TimeReached(moment.time))
        self._gateway.hear_stream()
        self._gateway.hand_over_parcels()
        for position in json.loads(self._venue.request(GATED, "GET", "v2/positions").body):
            self._watch.holds(position["symbol"], Decimal(position["qty"]))

    def _act(self) -> None:
        # Now and then an agent runs wild, and meets what limits its rate.
        acts = 20 if self._chance.randrange(40) == 0 else self._chance.randrange(4)
        actors: list[Callable[[], None]] = [self._person.act, *[self._agents.act] * acts]
        for client in self._clients:
            client.hear_stream(self._gateway.now)
            actors += [client.act] * self._chance.randrange(3)
            if self._is_rough and self._chance.randrange(15) == 0:
                actors.append(partial(self._befall, client))
        self._chance.shuffle(actors)
        for act in actors:
            act()
            if self._chance.randrange(2):
                self._gateway.hear_stream()

    def _befall(self, client: CarelessClient) -> None:
        mishap = client.mishap()
        if mishap is not None:
            self._venue.befall(mishap)

    # What is asserted of it.

    def _executions(self) -> Iterator[bytes]:
        for account in CASH:
            for page in self._venue.activities(account):
                fills = [each for each in json.loads(page) if each["activity_type"] == "FILL"]
                yield json.dumps(fills).encode()

    def _findings(self, gated: list[dict[str, Any]]) -> Iterator[str]:
        yield from self._watch.findings
        at_venue = [order["client_order_id"] for order in gated]
        for client_order_id, count in self._watch.posted.items():
            if count != 1 or at_venue.count(client_order_id) > 1:
                yield f"{GATED}: order {client_order_id} is at the venue more than once"
        book = self._gateway.engine.state.book
        ours = OurBook(cash=book.cash, fees=book.fees, holdings=book.holdings)
        yield from disagreements(self._venue, GATED, CASH[GATED], ours)
        for client in self._clients:
            yield from (f"{client.account}: {each}" for each in (*client.findings, *client.book.findings))
            yield from disagreements(self._venue, client.account, CASH[client.account], client.book.book())
        folded, _ = fold(self._gateway.journal, MULTIPLIERS)
        if dump_state(folded) != dump_state(self._gateway.engine.state):
            yield f"{GATED}: the journal, folded again, is another state than the one that was live"
        yield from self._what_the_log_lost()

    def _what_the_log_lost(self) -> Iterator[str]:
        again = self._venue.restarted()
        for account in CASH:
            for path in ("v2/account", "v2/positions"):
                found, expected = (each.request(account, "GET", path) for each in (again, self._venue))
                if found != expected:
                    yield f"{account}: {path} from the venue's log is another than it was"
            if list(again.activities(account)) != list(self._venue.activities(account)):
                yield f"{account}: activities from the venue's log are others than they were"
            if list(orders_of(again, account)) != list(orders_of(self._venue, account)):
                yield f"{account}: orders from the venue's log are others than they were"


def _breaks(records: Iterable[Sealed[Event]]) -> tuple[int, list[str]]:
    """How many positions were bare when the gateway said so; and each other difference that it found."""
    state, bare, told = State(MULTIPLIERS), 0, []
    for sealed in records:
        state.apply(sealed)
        match sealed.event:
            case BreakFound(found=found):
                if found.kind is BreakKind.UNPROTECTED and _is_bare(state.book, found.symbol):
                    bare += 1
                else:
                    told.append(f"{GATED}: break at {rfc3339(sealed.time)}: {found.sentence}")
            case Reconciled(breaks=breaks):
                told += [f"{GATED}: break at {rfc3339(sealed.time)}: {found.sentence}" for found in breaks]
            case _:
                pass
    return bare, told


def _is_bare(book: Book, symbol: Symbol | None) -> bool:
    """Whether more is held than stops protect that rest, and are not being canceled."""
    if symbol is None:
        return False
    held = book.position(symbol)
    resting = {OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED}
    stops = (leg for leg in book.protection(symbol) if leg.role is Role.STOP and leg.state in resting)
    return sum((leg.remaining for leg in stops), ZERO) < abs(held)


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _chance(seed: int, whose: str) -> Random:
    """A stream of its own for everybody: what one does moves no other."""
    return Random(f"{seed} {whose}")  # noqa: S311 - a day that fails must replay
