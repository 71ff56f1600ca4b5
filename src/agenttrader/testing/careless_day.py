"""A whole trading day in which nobody is careful, from a seed; at its end three books must agree.

Generated bars, a halt, the open and the close, on some days two or three times with the nights between;
agents and a person behind a gateway; two accounts without one. Venue, engine, dispatcher, journal and the
translation between them are the product's own; only sockets and processes are left out. A seed gives the same
day again, to the last identifier.

`play` returns what happened. `disagreements` is empty unless a promise was broken: books that differ, an
order that left twice, without a window or past a limit, a refusal that left a trace, a journal that does not
verify, does not fold to the state that was live, or whose decisions come out otherwise when they are made
again, a venue that its log does not give again.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, assert_never

from msgspec import Struct

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakFound, Event, Halted, Reconciled
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, Watermark
from agenttrader.model.orders import OrderState, Role
from agenttrader.model.records import Sealed
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import MarketSeen, TimeReached
from agenttrader.runtime.last_look import BY as BALANCE
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.simulation.days import Moment
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen
from agenttrader.simulation.listings import FRACTION
from agenttrader.testing.agreement import OurBook, disagreements, orders_of
from agenttrader.testing.careless_agents import CarelessAgents, CarelessPerson
from agenttrader.testing.careless_client import CarelessClient
from agenttrader.testing.careless_gateway import CarelessGateway, Switch
from agenttrader.testing.careless_kind import kind_of
from agenttrader.testing.careless_market import CarelessMarket
from agenttrader.testing.careless_watch import Watch
from agenttrader.testing.careless_world import (
    CASH,
    FEES,
    FRACTIONABLE,
    GATED,
    LIMITS,
    MAKER_RATE,
    MULTIPLIERS,
    POOR,
    RICH,
    START,
    TAKER_RATE,
    calendar,
    rules,
    venue_settings,
)
from agenttrader.testing.decided_again import decided_otherwise
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.told_book import Charges, Dividend, Split
from agenttrader.testing.venue_calls import VenueCalls

MINUTES_MAX = 390
_COMPARED_EVERY = 45 * MINUTE


class CarelessDay(Struct, frozen=True, kw_only=True):
    """What happened. Orders of the gateway by state and its denials by code; the venue's orders by status.

    `minutes` are those of all its sessions, `had` is what not every day has (see `careless_kind`).
    `head` is the end of the gateway's journal: two days with one head are the same day.
    """

    seed: int
    minutes: int
    had: tuple[str, ...]
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


def play_for_records(
    seed: int, minutes_max: int, ruling: Callable[[Rules], Rules], engine: type[Engine]
) -> list[Sealed[Event]]:
    """What the gateway recorded on that day, had it gone by what `ruling` makes of the day's rules."""
    with asyncio.Runner() as runner:
        day = _Day(seed, minutes_max, runner, ruling, engine)
        day.play()
        return day.records()


class _Day:
    """The day while it is played."""

    def __init__(
        self,
        seed: int,
        minutes_max: int,
        runner: asyncio.Runner,
        ruling: Callable[[Rules], Rules] = lambda rules: rules,
        engine: type[Engine] = Engine,
    ) -> None:
        self._seed = seed
        self._kind = kind = kind_of(seed, minutes_max)
        self._chance = _chance(seed, "acts")
        self._venue = VenueCalls(
            venue_settings(kind.minutes, kind.volume_percent, kind.habits, coins=kind.coins)
        )
        self._sessions = calendar(kind.minutes).sessions[: len(kind.minutes)]
        self._market = CarelessMarket(kind, seed, _chance(seed, "nights"))
        self._switch = Switch()
        self._watch = Watch(LIMITS, self._switch)
        self._gateway = CarelessGateway(
            venue=self._venue,
            rules=ruling(rules(kind.minutes)),
            switch=self._switch,
            engine=engine,
            chance=_chance(seed, "road"),
            runner=runner,
            on_posting=self._watch.leaves,
        )
        self._agents = CarelessAgents(self._gateway, self._watch, _chance(seed, "agents"))
        self._person = CarelessPerson(self._gateway, self._watch, _chance(seed, "person"), self._sessions[0])
        charges = Charges(
            schedule=FEES,
            are_late=kind.habits.late_fees,
            maker_rate=MAKER_RATE,
            taker_rate=TAKER_RATE,
        )
        self._clients = [
            CarelessClient(self._venue, name, CASH[name], charges, self._market.marks, _chance(seed, name))
            for name in (RICH, POOR)
        ]
        self._splits: dict[str, Instant] = {}
        """When a symbol's last split was."""
        self._bars = 0

    def play(self) -> None:
        """From before the first open to after the last close."""
        self._gateway.start(START)
        self._gateway.handle(TimeReached(START))
        for before, session in zip((None, *self._sessions), self._sessions, strict=False):
            self._person.session = session
            if before is not None:
                self._pass_night(before, session)
            for moment in self._market.day(session):
                self._live(moment)
        self._gateway.compare()
        for client in self._clients:
            client.hear_stream(self._gateway.now)
            client.read_interest()

    def records(self) -> list[Sealed[Event]]:
        """The gateway's journal."""
        return list(self._gateway.journal.read())

    def told(self) -> CarelessDay:
        """What came of it."""
        records = self.records()
        bare, breaks = _breaks(records)
        self._watch.was_recorded(records)
        orders = self._gateway.engine.state.book.orders.by_id.values()
        asked = [order for order in orders if order.parent is None]
        theirs = {account: list(orders_of(self._venue, account)) for account in CASH}
        return CarelessDay(
            seed=self._seed,
            minutes=sum(self._kind.minutes),
            had=self._kind.words,
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

    def _pass_night(self, before: Session, after: Session) -> None:
        """The night between two sessions, and what companies do to their shares before the next."""
        for moment in self._market.night(before):
            self._live(moment)
        self._gateway.compare()
        for client in self._clients:
            client.hear_stream(self._gateway.now)
            client.book.announce()
        for action in self._kind.actions:
            if before.close < action.time < after.open:
                self._venue.befall(action)
                self._announce(action, self._market.change(action))

    def _announce(self, action: CorporateActionSeen, price: Decimal) -> None:
        news: Split | Dividend
        symbol = Symbol(action.symbol)
        match action.kind:
            case CorporateActionKind.SPLIT:
                new, old = int(action.new_rate), int(action.old_rate)
                lot = FRACTION if symbol in FRACTIONABLE else Decimal(1)
                news = Split(symbol=symbol, new=new, old=old, lot=lot, price=price)
                self._watch.split(symbol, new, old)
                self._splits[symbol] = action.time
            case CorporateActionKind.CASH_DIVIDEND:
                news = Dividend(symbol=symbol, cash=action.cash)
            case _:
                assert_never(action.kind)
        for client in self._clients:
            client.book.announce(news)

    def _live(self, moment: Moment) -> None:
        """One minute: what happened reaches everybody, then everybody acts."""
        self._hear(moment)
        self._act()
        if (moment.time - START) % _COMPARED_EVERY == 0:
            self._gateway.compare()

    def _hear(self, moment: Moment) -> None:
        """What became known reaches the venue whole, then the gateway, with the venue's word on it."""
        news: list[Bar | StatusChange] = [*moment.statuses, *moment.bars]
        for event in (*news, Watermark(time=moment.time)):
            self._venue.hear(event)
        for seen in news:
            self._gateway.handle(MarketSeen(seen))
        self._bars += len(moment.bars)
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
            if self._kind.is_rough and self._chance.randrange(15) == 0:
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
        yield from disagreements(self._venue, GATED, CASH[GATED], ours, self._splits)
        for client in self._clients:
            yield from (f"{client.account}: {each}" for each in (*client.findings, *client.book.findings))
            opening, told = CASH[client.account], client.book.book()
            yield from disagreements(self._venue, client.account, opening, told, self._splits)
        folded, _ = fold(self._gateway.journal, MULTIPLIERS)
        if dump_state(folded) != dump_state(self._gateway.engine.state):
            yield f"{GATED}: the journal, folded again, is another state than the one that was live"
        rules = self._gateway.engine.rules
        yield from decided_otherwise(self._gateway.journal.read(), rules, MULTIPLIERS)
        for record in self._gateway.journal.read():
            if isinstance(record.event, Halted) and record.event.by == BALANCE:
                yield f"{GATED}: {record.event.reason}"
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
