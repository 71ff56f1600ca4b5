from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.app.marketdata.aggregation import Actions, Split, adjusted, aggregate
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.alpaca_history import Adjustment
from agenttrader.protocols.alpaca_timeframes import ONE_DAY, ONE_MINUTE, Timeframe, Unit, period_at

OPEN = from_rfc3339("2014-06-06T13:30:00Z")
AFTER = from_rfc3339("2014-06-09T13:30:00Z")
ALFA = Symbol("ALFA")
SPLIT = Split(symbol=ALFA, effective=AFTER, ratio=Decimal(7))
KNOWN = Actions(splits=(SPLIT,), without_dividends=False)


def bar(start: int, prices: str = "10 11 9 10.5", volume: int = 100, symbol: Symbol = ALFA) -> Bar:
    first, high, low, last = map(Decimal, prices.split())
    return Bar(
        symbol=symbol,
        start=Instant(start),
        interval=MINUTE,
        open=first,
        high=high,
        low=low,
        close=last,
        volume=Decimal(volume),
    )


def test_minutes_make_longer_bars() -> None:
    minutes = [
        bar(OPEN, "10 11 9 10.5"),
        bar(OPEN + 4 * MINUTE, "10.6 12 10 11", 50),
        bar(OPEN + 5 * MINUTE, "11 11 8 8.5", 25),
    ]
    five = aggregate(minutes, Timeframe(5, Unit.MINUTE))
    assert five == [
        replace(bar(OPEN, "10 12 9 11", 150), interval=5 * MINUTE),
        replace(bar(OPEN + 5 * MINUTE, "11 11 8 8.5", 25), interval=5 * MINUTE),
    ]
    midnight = from_rfc3339("2014-06-06T04:00:00Z")
    assert aggregate(minutes, ONE_DAY) == [
        replace(bar(midnight, "10 12 8 8.5", 175), interval=24 * 60 * MINUTE)
    ]
    assert aggregate(minutes, ONE_MINUTE) == minutes
    assert aggregate([], ONE_DAY) == []


@given(
    minutes=st.sets(st.integers(0, 3_000), max_size=40),
    timeframe=st.sampled_from(["7 Min", "1 Hour", "1 Day", "1 Week", "1 Month"]),
)
def test_no_share_is_lost_and_each_bar_lies_in_its_period(minutes: set[int], timeframe: str) -> None:
    count, unit = timeframe.split()
    frame = Timeframe(int(count), Unit(unit))
    bars = [bar(OPEN + minute * MINUTE) for minute in sorted(minutes)]
    found = aggregate(bars, frame)
    assert sum(it.volume for it in found) == 100 * len(minutes)
    starts = [it.start for it in found]
    assert starts == sorted(set(starts))
    assert [period_at(start, frame).start for start in starts] == starts


def test_a_split_is_seen_only_from_when_it_is_in_effect() -> None:
    before, after = bar(OPEN, "645.57 651.26 644.47 650.0001"), bar(AFTER, "92.70 93 92 92.5")
    assert adjusted([before, after], Adjustment.SPLIT, KNOWN, Instant(AFTER - 1)) == [before, after]
    first, second = adjusted([before, after], Adjustment.SPLIT, KNOWN, AFTER)
    assert second == after
    assert first == bar(OPEN, "92.2243 93.0371 92.0671 92.8572", 700)


def test_raw_prices_are_raw_and_other_symbols_their_own() -> None:
    before = bar(OPEN, "645.57 651.26 644.47 650", symbol=Symbol("BRVO"))
    for adjustment in (Adjustment.RAW, Adjustment.SPLIT):
        assert adjusted([before], adjustment, KNOWN, AFTER) == [before]


def test_an_adjusted_price_is_never_nothing() -> None:
    many = Actions(
        splits=(Split(symbol=ALFA, effective=AFTER, ratio=Decimal(10**6)),), without_dividends=True
    )
    [found] = adjusted([bar(OPEN)], Adjustment.ALL, many, AFTER)
    assert (found.low, found.high) == (Decimal("0.0001"), Decimal("0.0001"))


@pytest.mark.parametrize(
    ("splits", "without_dividends", "refused"),
    (
        (None, False, {"split": "splits", "dividend": "dividends", "all": "splits and dividends"}),
        ((), False, {"dividend": "dividends", "all": "dividends"}),
        (None, True, {"split": "splits", "all": "splits"}),
        ((), True, {}),
    ),
)
def test_what_a_source_does_not_know_it_does_not_adjust_for(
    splits: tuple[Split, ...] | None,
    without_dividends: bool,  # noqa: FBT001
    refused: dict[str, str],
) -> None:
    actions = Actions(splits=splits, without_dividends=without_dividends)
    for adjustment in Adjustment:
        if adjustment.value in refused:
            words = f"expected raw, .* symbols' {refused[adjustment.value]}, found {adjustment.value}"
            with pytest.raises(BadValue, match=words):
                adjusted([], adjustment, actions, AFTER)
        else:
            assert adjusted([bar(OPEN)], adjustment, actions, AFTER) == [bar(OPEN)]
