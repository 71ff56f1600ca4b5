from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, Quote, TradingStatus
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.recorded import FEED, GAP_MINUTES_MAX, RecordedDay, play_back
from agenttrader.simulation.recording import Recording, RecordingRefused, Row

XYZ = Symbol("XYZ")
OPEN = from_rfc3339("2014-06-09T13:30:00Z")
MINUTES = 60
SESSION = Session(date="2014-06-09", open=OPEN, close=Instant(OPEN + MINUTES * MINUTE))
FRIDAY = Session(
    date="2014-06-06", open=from_rfc3339("2014-06-06T13:30:00Z"), close=from_rfc3339("2014-06-06T20:00:00Z")
)


def bar(minute: int, price: str = "100", high: str | None = None, volume: int = 10) -> Row[Bar]:
    """The row of a minute of the session; line numbers follow the minutes."""
    start = Instant(OPEN + minute * MINUTE)
    said = Bar(
        symbol=XYZ,
        start=start,
        interval=MINUTE,
        open=Decimal(price),
        high=Decimal(high or price),
        low=Decimal(price),
        close=Decimal(price),
        volume=Decimal(volume),
    )
    return Row(100 + minute, SESSION.date, start, said)


def quote(minute: int) -> Row[Quote]:
    start = Instant(OPEN + minute * MINUTE)
    said = Quote(
        symbol=XYZ,
        time=Instant(start + MINUTE),
        bid_price=Decimal(99),
        bid_size=Decimal(1),
        ask_price=Decimal(101),
        ask_size=Decimal(minute + 1_000),
    )
    return Row(100 + minute, SESSION.date, start, said)


def played(trades: Sequence[Row[Bar]], quotes: Sequence[Row[Quote]] = ()) -> RecordedDay:
    recording = Recording(
        symbol=XYZ,
        file="XYZ_trade.csv.gz",
        quotes_file="XYZ_quote.csv.gz",
        digest=Digest("d" * 64),
        trades=tuple(trades),
        quotes=tuple(quotes),
    )
    return play_back(recording, SESSION, FRIDAY)


WHOLE = [bar(minute) for minute in range(MINUTES)]


def test_a_session_is_told_minute_by_minute_from_its_open_to_its_close() -> None:
    found = played(WHOLE)
    day = found.day
    assert [moment.time for moment in day.moments] == [
        Instant(OPEN + minute * MINUTE) for minute in range(MINUTES + 1)
    ]
    first, *others = day.moments
    assert (first.bars, len(first.statuses)) == ((), 1)
    assert (first.statuses[0].symbol, first.statuses[0].status) == (XYZ, TradingStatus.TRADING)
    assert [moment.bars for moment in others] == [(row.said,) for row in WHOLE]
    assert all(each.end == moment.time for moment in others for each in moment.bars)
    assert not any(moment.statuses for moment in others)


def test_the_day_says_that_it_is_recorded_and_from_which_file() -> None:
    day = played(WHOLE).day
    assert (day.feed, day.symbols, day.session) == (FEED, (XYZ,), SESSION)
    assert (FEED, day.origin) == ("recorded", "XYZ from XYZ_trade.csv.gz")
    assert day.notice.startswith("recorded market data: prices that XYZ had on 2014-06-09")


def test_what_lies_outside_the_session_is_kept_apart_and_counted() -> None:
    before, after = [bar(-2), bar(-1, "645.57")], [bar(MINUTES), bar(MINUTES + 30)]
    found = played([*before, *WHOLE, *after], [quote(minute) for minute in (-1, 0, MINUTES - 1, MINUTES)])
    assert found.day.moments == played(WHOLE, [quote(0), quote(MINUTES - 1)]).day.moments
    counts = found.found
    assert (counts.rows, counts.bars, counts.outside_session, counts.quotes) == (64, 60, 4, 2)
    assert (counts.missing_minutes, counts.repaired) == (0, {})


def test_a_price_between_ticks_is_told_as_observed_and_counted() -> None:
    found = played([bar(0, "100.005"), bar(1, "100", high="100.0001"), *WHOLE[2:]])
    assert found.found.sub_penny == 2
    assert found.day.moments[1].bars[0].open == Decimal("100.005")


def test_a_quote_is_told_when_its_minute_ends_never_before() -> None:
    found = played(WHOLE, [quote(7)])
    told = [(moment.time, moment.quotes) for moment in found.day.moments if moment.quotes]
    assert told == [(Instant(OPEN + 8 * MINUTE), (quote(7).said,))]


@pytest.mark.parametrize("missing", (1, GAP_MINUTES_MAX))
def test_minutes_without_a_bar_are_counted_and_nothing_is_invented(missing: int) -> None:
    found = played([*WHOLE[:20], *WHOLE[20 + missing :]])
    assert (found.found.missing_minutes, found.found.bars) == (missing, MINUTES - missing)
    assert [moment.bars for moment in found.day.moments[21 : 21 + missing]] == [()] * missing


@pytest.mark.parametrize("start", (0, 20, MINUTES - GAP_MINUTES_MAX - 1))
def test_a_longer_gap_is_refused_wherever_it_lies(start: int) -> None:
    trades = [*WHOLE[:start], *WHOLE[start + GAP_MINUTES_MAX + 1 :]]
    with pytest.raises(RecordingRefused, match=r"rule gap: expected at most 15 minutes .* found 16 between"):
        played(trades)


def test_a_gap_is_told_by_its_lines_and_in_the_time_of_the_file() -> None:
    with pytest.raises(
        RecordingRefused,
        match=r"found 16 between line 119 and line 136, from 09:50 to 10:06 in New York; name another day",
    ):
        played([*WHOLE[:20], *WHOLE[36:]])


def test_a_session_without_any_bar_is_a_gap() -> None:
    with pytest.raises(
        RecordingRefused, match=r"rule gap: .* found 60 between the session's open and the .* from 09:30"
    ):
        played([bar(-3)])


def test_a_row_in_which_nothing_was_traded_is_a_minute_without_a_bar() -> None:
    found = played([*WHOLE[:5], bar(5, "1", volume=0), *WHOLE[6:]])
    assert (found.found.bars, found.found.missing_minutes) == (59, 1)
    assert found.found.repaired == {"no_volume": 1}
    assert found.day.moments[6].bars == ()


@pytest.mark.parametrize(
    ("spoilt", "price"),
    ((bar(30, "110.01"), "110.01"), (bar(30, "89.99"), "89.99"), (bar(0, high="111"), "111")),
)
def test_a_price_that_no_minute_can_reach_is_refused(spoilt: Row[Bar], price: str) -> None:
    trades = [row for row in WHOLE if row.start != spoilt.start]
    time = "10:00" if spoilt.line == 130 else "09:30"
    place = f"line {spoilt.line}: refused by rule spike: expected prices of 2014-06-09 {time} in New York"
    with pytest.raises(RecordingRefused, match=f"{place} within 10 % of 100, found {price}; name another"):
        played([*trades, spoilt])


def test_a_price_at_the_rules_edge_is_played() -> None:
    assert played([*WHOLE[:30], bar(30, "110"), *(bar(minute, "105") for minute in range(31, 60))]).found.bars


def test_a_spike_before_the_open_refuses_nothing() -> None:
    assert played([bar(-90, "645.57"), *WHOLE]).found.outside_session == 1


def test_an_order_is_measured_by_the_last_price_before_the_open_else_by_the_first() -> None:
    assert played(WHOLE).reference == Decimal(100)
    assert played([bar(-5, "98"), bar(-9, "97"), *WHOLE, bar(MINUTES, "120")]).reference == Decimal(98)


def test_a_day_that_is_not_there_is_refused_and_those_that_are_are_named() -> None:
    other = WHOLE[0]._replace(date="2014-06-05")
    with pytest.raises(
        RecordingRefused, match="rule absent: expected rows of 2014-06-09, found the days 2014-06-05"
    ):
        played([other])


@given(st.permutations(WHOLE + WHOLE[10:13]), st.permutations([quote(minute) for minute in range(9)]))
def test_a_shuffled_and_doubled_file_is_the_same_day(
    trades: list[Row[Bar]], quotes: list[Row[Quote]]
) -> None:
    found = played(trades, quotes)
    assert found.day == played(WHOLE, [quote(minute) for minute in range(9)]).day
    assert found.found.repaired["doubled"] == 3
    assert found.found.rows == 63


def test_the_digest_is_over_everything_that_is_told() -> None:
    day = played(WHOLE, [quote(3)]).day
    others = (
        played(WHOLE).day,
        played([*WHOLE[:30], bar(30, "100.0001"), *WHOLE[31:]], [quote(3)]).day,
        played(WHOLE[:-1], [quote(3)]).day,
    )
    assert len({day.digest, *(other.digest for other in others)}) == 4


def test_what_was_found_is_told_as_a_sentence_and_as_builtins() -> None:
    found = played([bar(-1), *WHOLE, WHOLE[3]]).found
    assert found.sentence == (
        "62 rows: 60 bars played, 1 outside the session kept apart; 0 minutes without a bar, 0 bars with "
        "sub-penny prices; repaired: order 1, doubled 1"
    )
    assert msgspec.to_builtins(found)["previous_close"]["rule"] == "not_recorded"
