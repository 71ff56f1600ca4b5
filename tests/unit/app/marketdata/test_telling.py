from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from agenttrader.app.marketdata.telling import Teller
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import (
    BandKind,
    Bar,
    DailyBar,
    Luld,
    Quote,
    StatusChange,
    Told,
    Trade,
    TradingStatus,
    UpdatedBar,
    Watermark,
    known_at,
)
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, SECOND, Instant, from_rfc3339
from agenttrader.simulation.bands import Bands
from agenttrader.simulation.market import generate_day
from agenttrader.simulation.tape import Minute, tell_minute

ALFA, BRVO = Symbol("ALFA"), Symbol("BRVO")
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
MIDNIGHT = from_rfc3339("2026-11-20T05:00:00Z")
SESSION = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE))


def bar(minute: int, price: str = "10", symbol: Symbol = ALFA) -> Bar:
    """The bar that ends with this minute."""
    return Bar(
        symbol=symbol,
        start=Instant(OPEN + (minute - 1) * MINUTE),
        interval=MINUTE,
        open=Decimal(price),
        high=Decimal(price),
        low=Decimal(price),
        close=Decimal(price),
        volume=Decimal(100),
    )


def mark(minute: int) -> Watermark:
    return Watermark(time=Instant(OPEN + minute * MINUTE))


def daily(minute: int, opened: str, high: str, low: str, close: str, volume: int) -> DailyBar:
    found = Bar(
        symbol=ALFA,
        start=MIDNIGHT,
        interval=replace(bar(1), interval=24 * 60 * MINUTE).interval,
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(volume),
    )
    return DailyBar(bar=found, time=mark(minute).time)


def late_first(found: Bar) -> Minute:
    """A story in which the first minute is corrected."""
    if found.start != OPEN:
        return Minute(ticks=(), late=None)
    time = Instant(found.end + 30 * SECOND)
    trade = Trade(symbol=ALFA, time=time, price=Decimal(12), size=Decimal(5), trade_id=1, conditions=("Z",))
    update = UpdatedBar(bar=replace(found, high=Decimal(12), volume=Decimal(105)), time=time)
    return Minute(ticks=(), late=(trade, update))


def test_a_source_of_bars_alone_tells_the_day_so_far_before_each_watermark() -> None:
    told: list[Told] = []
    teller = Teller(told.append, story=None, bands={})
    for event in (mark(0), bar(1), mark(1), mark(2), bar(3, "9"), mark(3)):
        teller.receive(event)
    assert told == [
        *(mark(0), bar(1), daily(1, "10", "10", "10", "10", 100), mark(1)),
        *(mark(2), bar(3, "9"), daily(3, "10", "10", "9", "9", 200), mark(3)),
    ]


def test_a_correction_is_told_when_it_is_due_and_changes_the_day() -> None:
    told: list[Told] = []
    teller = Teller(told.append, story=late_first, bands={})
    for event in (bar(1), mark(1), bar(2), mark(2)):
        teller.receive(event)
    trade, update = late_first(bar(1)).late or (None, None)
    assert told == [
        *(bar(1), daily(1, "10", "10", "10", "10", 100), mark(1)),
        *(trade, update, bar(2), daily(2, "10", "12", "10", "10", 205), mark(2)),
    ]


def test_a_correction_that_the_source_tells_itself_counts_too() -> None:
    told: list[Told] = []
    teller = Teller(told.append, story=None, bands={})
    late = late_first(bar(1)).late
    assert late is not None
    for event in (bar(1), mark(1), late[1], mark(2)):
        teller.receive(event)
    assert told[-2:] == [daily(2, "10", "12", "10", "10", 105), mark(2)]


def test_another_day_begins_anew() -> None:
    told: list[Told] = []
    teller = Teller(told.append, story=None, bands={})
    tomorrow = 24 * 60 + 1
    for event in (bar(1), mark(1), bar(tomorrow, "20"), mark(tomorrow)):
        teller.receive(event)
    [first, second] = [event.bar for event in told if isinstance(event, DailyBar)]
    assert (first.close, second.open, second.volume) == (Decimal(10), Decimal(20), Decimal(100))
    assert second.start == first.end


def test_bands_follow_their_bar_and_a_halt_ends_them() -> None:
    told: list[Told] = []
    teller = Teller(told.append, story=None, bands={ALFA: Bands(ALFA, SESSION, Decimal(10))})
    halt = StatusChange(symbol=ALFA, time=mark(1).time, status=TradingStatus.HALTED, reason="")
    other = replace(halt, symbol=BRVO)
    for event in (bar(1), bar(1, symbol=BRVO), halt, other, bar(7)):
        teller.receive(event)
    bands = [event for event in told if isinstance(event, Luld)]
    assert [(band.symbol, band.kind) for band in bands] == [
        (ALFA, BandKind.OPENING),
        (ALFA, BandKind.REOPENING),
    ]
    assert told.index(bands[0]) == told.index(bar(1)) + 1


def test_quotes_that_the_source_tells_are_handed_on() -> None:
    told: list[Told] = []
    quote = Quote(
        symbol=ALFA,
        time=OPEN,
        bid_price=Decimal(1),
        bid_size=Decimal(1),
        ask_price=Decimal(2),
        ask_size=Decimal(1),
    )
    Teller(told.append, story=None, bands={}).receive(quote)
    assert told == [quote]


def test_of_a_generated_day_the_source_s_own_words_are_unchanged_and_nothing_comes_after_its_watermark() -> (
    None
):
    day = generate_day({ALFA: Decimal(50), BRVO: Decimal(70)}, SESSION, 7)
    bands = {symbol: Bands(symbol, SESSION, None) for symbol in (ALFA, BRVO)}
    told: list[Told] = []
    teller = Teller(told.append, story=partial(tell_minute, seed=7), bands=bands)
    own: list[Told] = []
    for moment in day.moments:
        own += [*moment.statuses, *moment.bars, Watermark(time=moment.time)]
    for event in own:
        teller.receive(event)
    assert [event for event in told if isinstance(event, Bar | StatusChange | Watermark)] == own
    reached = Instant(0)
    for event in told:
        # A watermark promises that all up to its time was told: so nothing at or before it comes later.
        assert known_at(event) > reached
        if isinstance(event, Watermark):
            reached = event.time
    kinds = {type(event) for event in told}
    assert kinds == {Bar, StatusChange, Watermark, Quote, Trade, Luld, DailyBar, UpdatedBar}
