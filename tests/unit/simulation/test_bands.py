import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import BandKind, Bar, Luld
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.bands import Bands, Tier, band_width

ALFA = Symbol("ALFA")
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
STEP = Decimal("0.0001")
SESSION = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE))


def bar(minute: int, opened: str, closed: str | None = None) -> Bar:
    """The bar that ends with this minute of the session."""
    first, last = Decimal(opened), Decimal(closed or opened)
    return Bar(
        symbol=ALFA,
        start=Instant(OPEN + (minute - 1) * MINUTE),
        interval=MINUTE,
        open=first,
        high=max(first, last),
        low=min(first, last),
        close=last,
        volume=Decimal(1),
    )


def band(minute: int, down: str, up: str, kind: BandKind) -> Luld:
    return Luld(
        symbol=ALFA,
        time=Instant(OPEN + minute * MINUTE),
        limit_down=Decimal(down),
        limit_up=Decimal(up),
        kind=kind,
    )


@pytest.mark.parametrize(
    ("close", "tier", "closing", "width"),
    (
        # The plan's table, around a reference price of 10.
        ("3.01", Tier.ONE, False, "0.50"),
        ("3.01", Tier.TWO, False, "1.00"),
        ("3.00", Tier.ONE, False, "2.00"),
        ("0.75", Tier.TWO, False, "2.00"),
        ("0.74", Tier.ONE, False, "0.15"),
        ("3.01", Tier.ONE, True, "1.00"),
        ("3.01", Tier.TWO, True, "1.00"),
        ("3.00", Tier.TWO, True, "4.00"),
        ("0.74", Tier.TWO, True, "0.30"),
    ),
)
def test_the_width_goes_by_tier_last_close_and_time_of_day(
    close: str,
    tier: Tier,
    closing: bool,  # noqa: FBT001
    width: str,
) -> None:
    assert band_width(Decimal(10), Decimal(close), tier, closing=closing) == Decimal(width)


def test_the_cheapest_go_by_the_lesser_of_the_two() -> None:
    assert band_width(Decimal("0.10"), Decimal("0.10"), Tier.ONE, closing=False) == Decimal("0.075")


def test_a_band_opens_around_the_opening_price_and_stays_until_the_mean_moves_one_percent() -> None:
    bands = Bands(ALFA, SESSION, Decimal(100))
    assert bands.follow(bar(1, "100", "100.50")) == band(1, "95.00", "105.00", BandKind.OPENING)
    assert bands.follow(bar(2, "101")) is None
    # 100.50, 101 and 101.60: their mean is 101.0333…, the first that is one percent away.
    assert bands.follow(bar(3, "101.60")) == band(3, "95.98", "106.09", BandKind.INTRADAY)


def test_only_the_last_five_minutes_count() -> None:
    bands = Bands(ALFA, SESSION, Decimal(100))
    for minute in range(1, 6):
        bands.follow(bar(minute, "100"))
    told = [bands.follow(bar(minute, "110")) for minute in range(6, 12)]
    assert [None if found is None else found.limit_up for found in told] == [
        Decimal("107.10"),
        Decimal("109.20"),
        Decimal("111.30"),
        Decimal("113.40"),
        Decimal("115.50"),
        None,
    ]


def test_after_a_halt_the_first_price_is_the_reference_and_the_band_is_told_again() -> None:
    bands = Bands(ALFA, SESSION, Decimal(100))
    bands.halt()
    assert bands.follow(bar(1, "100")) == band(1, "95.00", "105.00", BandKind.OPENING)
    bands.halt()
    assert bands.follow(bar(9, "100")) == band(9, "95.00", "105.00", BandKind.REOPENING)
    bands.halt()
    assert bands.follow(bar(20, "120")) == band(20, "114.00", "126.00", BandKind.REOPENING)
    assert bands.follow(bar(21, "120")) is None


def test_the_last_25_minutes_are_twice_as_wide() -> None:
    bands = Bands(ALFA, SESSION, Decimal(100))
    bands.follow(bar(364, "100"))
    assert bands.follow(bar(365, "100")) == band(365, "90.00", "110.00", BandKind.INTRADAY)
    assert bands.follow(bar(366, "100")) is None


def test_without_a_last_close_the_opening_price_says_how_wide() -> None:
    bands = Bands(ALFA, SESSION, None)
    assert bands.follow(bar(1, "2")) == band(1, "1.60", "2.40", BandKind.OPENING)
    # Above 3.00 by now, but the day's width was settled.
    assert bands.follow(bar(2, "5")) == band(2, "2.80", "4.20", BandKind.INTRADAY)


def test_a_band_that_rounding_would_close_is_a_penny_wide() -> None:
    bands = Bands(ALFA, SESSION, Decimal(4))
    assert bands.follow(bar(1, "0.02")) == band(1, "0.01", "0.02", BandKind.OPENING)
    assert Bands(ALFA, SESSION, None).follow(bar(1, "0.0004")) == band(1, "0", "0.01", BandKind.OPENING)


def test_nothing_is_below_nothing() -> None:
    bands = Bands(ALFA, SESSION, Decimal("0.10"))
    found = bands.follow(bar(390, "0.10"))
    assert found is not None
    assert (found.limit_down, found.limit_up) == (Decimal(0), Decimal("0.25"))


@given(
    prices=st.lists(st.integers(1, 100) | st.integers(1, 10**7), min_size=1, max_size=40),
    close=st.integers(1, 10**7),
    tier=st.sampled_from(Tier),
)
def test_a_band_is_told_only_when_it_is_another_and_lies_around_some_recent_price(
    prices: list[int], close: int, tier: Tier
) -> None:
    bands = Bands(ALFA, SESSION, close * STEP, tier)
    told: list[Luld] = []
    for minute, price in enumerate(prices, 1):
        found = bands.follow(bar(minute, str(price * STEP)))
        if found is not None:
            recent = [number * STEP for number in prices[max(0, minute - 5) : minute]]
            assert found.limit_down <= max(recent) + Decimal("0.005")
            assert found.limit_up >= min(recent) - Decimal("0.005")
            told.append(found)
    assert told[0].kind is BandKind.OPENING
    edges = [(each.limit_down, each.limit_up) for each in told]
    assert all(one != other for one, other in itertools.pairwise(edges))
