"""Orders rejected and fills busted or corrected, by chance and at somebody's word."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest

from agenttrader.app.fault_kinds import BustedFill, CorrectedFill, Fault, RejectedOrder
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Faults
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.alpaca_trading import Order, decode_new_order
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing

SETTINGS = Settings(
    start=Instant(0),
    listings=tuple(Listing(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1)) for symbol in ("ABC", "XYZ")),
    accounts=(AccountOpening(name="a", cash=Decimal(100_000), shorting=False),),
    sessions=(Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE)),),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal(8)),
    market_reserve_percent=3,
)


class MemoryLog:
    """A log of one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class Venue:
    """A desk, with faults that follow it."""

    def __init__(self, *planned: Fault) -> None:
        self.log = MemoryLog()
        self.desk = Desk(SETTINGS, self.log)
        self.faults = Faults(7, 0, planned)
        self.books = BookFaults(self.desk, self.faults)
        self._minute = 0

    def bar(self, price: int = 100) -> None:
        start = Instant(self._minute * MINUTE)
        self._minute += 1
        for symbol in ("ABC", "XYZ"):
            prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
            volume = Decimal(100_000)
            self.desk.hear(Bar(symbol=Symbol(symbol), start=start, interval=MINUTE, volume=volume, **prices))
        self.desk.hear(Watermark(time=Instant(start + MINUTE)))

    def buy(self, symbol: str = "ABC", **changes: object) -> Order:
        fields = {"symbol": symbol, "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
        return self.desk.submit("a", decode_new_order(msgspec.json.encode(fields | changes)))

    def status(self, order: Order) -> str:
        return self.desk.order("a", order.id, nested=False).status

    def held(self, symbol: str = "ABC") -> int:
        return self.desk.exchange.books.ledger.lots("a", symbol)

    def execution(self, order: Order) -> str:
        execution = self.desk.exchange.books.orders[order.id].execution
        assert execution is not None
        return execution.id

    @property
    def struck(self) -> list[str]:
        return [struck.fault for struck in self.faults.struck()]


@asynccontextmanager
async def followed(*planned: Fault) -> AsyncIterator[Venue]:
    """A venue one bar into its day, with what chance does to it under way."""
    venue = Venue(*planned)
    task = asyncio.create_task(venue.books.follow())
    await passed()
    venue.bar()
    yield venue
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def passed() -> None:
    """Everything that waits has had its turn."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_order_is_accepted_and_then_rejected() -> None:
    fault = RejectedOrder(only=("ABC",), per_mille=1_000, times=1, message="not today")
    async with followed(fault) as venue:
        spared, struck = venue.buy("XYZ"), venue.buy()
        assert struck.status == "new"
        await passed()
        assert (venue.status(spared), venue.status(struck)) == ("new", "rejected")
        venue.bar()
        assert (venue.held("XYZ"), venue.held()) == (10, 0)
        assert venue.struck == ["rejected_order"]


async def test_a_fill_is_busted_and_its_cash_comes_back() -> None:
    async with followed(BustedFill(only=(), per_mille=1_000, times=1)) as venue:
        venue.buy()
        await passed()
        venue.bar()
        assert venue.held() == 10
        await passed()
        assert venue.held() == 0
        assert venue.desk.account("a").cash == Decimal(100_000)
        assert venue.struck == ["busted_fill"]


async def test_a_fill_is_corrected_by_ticks() -> None:
    async with followed(CorrectedFill(only=(), per_mille=1_000, times=1, ticks=-3)) as venue:
        order = venue.buy()
        await passed()
        venue.bar()
        await passed()
        assert venue.desk.order("a", order.id, nested=False).filled_avg_price == Decimal("99.97")
        assert venue.desk.account("a").cash == Decimal(100_000) - 10 * Decimal("99.97")


async def test_what_comes_too_late_is_remembered_as_missed() -> None:
    """No price can be below nothing; and an order that has filled meanwhile is rejected no more."""
    async with followed(
        CorrectedFill(only=("XYZ",), per_mille=1_000, times=1, ticks=-100_000),
        RejectedOrder(only=("ABC",), per_mille=1_000, times=1, message="not today"),
    ) as venue:
        venue.buy("XYZ")
        filled = venue.buy()
        venue.bar()
        await passed()
        assert venue.status(filled) == "filled"
        assert sorted(venue.struck) == ["corrected_fill", "missed", "missed", "rejected_order"]
        assert (venue.held("XYZ"), venue.held()) == (10, 10)


async def test_a_seed_strikes_the_same_orders_whatever_else_is_told() -> None:
    async def rejected(*others: Fault) -> list[bool]:
        fault = RejectedOrder(only=(), per_mille=400, times="always", message="not today")
        async with followed(fault, *others) as venue:
            orders = [venue.buy(type="limit", limit_price=50) for _ in range(20)]
            await passed()
            return [venue.status(order) == "rejected" for order in orders]

    first = await rejected()
    assert {True, False} == set(first)
    assert await rejected(BustedFill(only=(), per_mille=500, times="always")) == first


def test_what_is_struck_by_word_stands_in_the_log() -> None:
    venue = Venue()
    venue.bar()
    busted, corrected, rejected = venue.buy(), venue.buy("XYZ"), venue.buy(type="limit", limit_price=50)
    venue.bar()
    execution = venue.execution(corrected)
    assert venue.books.bust(venue.execution(busted)).fault == "busted_fill"
    assert venue.books.correct(execution, Decimal(99)).subject == execution
    assert venue.books.reject(rejected.id, "not today").fault == "rejected_order"
    again = Desk(SETTINGS, venue.log)
    assert again.account("a") == venue.desk.account("a")
    assert again.account("a").cash == Decimal(100_000) - 990
    assert again.order("a", rejected.id, nested=False).status == "rejected"


def test_what_is_not_there_cannot_be_struck() -> None:
    venue = Venue()
    venue.bar()
    order = venue.buy()
    venue.bar()
    with pytest.raises(Refused):
        venue.books.bust("nothing")
    with pytest.raises(Refused):
        venue.books.reject(order.id, "it has filled")
    with pytest.raises(BadValue):
        venue.books.correct(venue.execution(order), Decimal("99.0000001"))
    assert venue.struck == []
    assert venue.held() == 10
