"""Assets, the clock and the calendar, as clients ask for them."""

from decimal import Decimal

import pytest

from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.symbols import asset_id
from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.simulation.inputs import Session
from agenttrader.testing.small_venue import COIN, NEXT_OPEN, SmallVenue, small_settings


def assets(venue: SmallVenue, **parameters: str) -> list[str]:
    return [asset.symbol for asset in venue.desk.assets(Parameters(parameters.items()))]


def days(venue: SmallVenue, **parameters: str) -> list[str]:
    return [day.date for day in venue.desk.calendar(Parameters(parameters.items()))]


def test_shares_are_listed_unless_another_class_is_asked_for(venue: SmallVenue) -> None:
    assert assets(venue) == ["ALFA", "BRVO"]
    assert assets(venue, asset_class="crypto", status="active") == [COIN]
    assert assets(venue, asset_class="us_option") == []
    assert assets(venue, status="inactive") == []
    assert assets(venue, attributes="has_options") == []
    assert assets(venue, exchange="NYSE") == []
    assert assets(venue, asset_class="crypto", exchange="CRYPTO") == [COIN]


@pytest.mark.parametrize("parameter", ("status", "asset_class", "colour"))
def test_a_filter_that_cannot_be_is_refused(venue: SmallVenue, parameter: str) -> None:
    with pytest.raises(BadValue):
        assets(venue, **{parameter: "strange"})


def test_an_asset_says_what_may_be_done_with_it(venue: SmallVenue) -> None:
    share = venue.desk.asset("BRVO")
    assert (share.asset_class, share.exchange, share.status, share.tradable) == (
        "us_equity",
        "",
        "active",
        True,
    )
    assert (share.fractionable, share.shortable, share.marginable) == (True, True, True)
    assert (share.min_order_size, share.price_increment) == (None, None)
    coin = venue.desk.asset("BTCUSD")
    assert (coin.symbol, coin.exchange, coin.shortable, coin.fractionable) == (COIN, "CRYPTO", False, True)
    assert (coin.min_order_size, coin.price_increment) == (Decimal("1e-9"), Decimal("0.01"))
    assert venue.desk.asset(asset_id("BRVO")) == share
    with pytest.raises(Refused, match="asset not found for ZZZZ"):
        venue.desk.asset("ZZZZ")


def test_the_clock_is_the_datas_in_new_york_until_the_calendar_ends(venue: SmallVenue) -> None:
    for _ in range(3):
        venue.bar(100)
    clock = venue.desk.clock()
    assert (clock.timestamp, clock.is_open) == ("2026-11-20T09:33:00.000000000-05:00", True)
    assert clock.next_open == "2026-11-23T09:30:00.000000000-05:00"
    assert clock.next_close == "2026-11-20T16:00:00.000000000-05:00"
    venue.pass_to(NEXT_OPEN)
    with pytest.raises(BadValue, match="clock: expected a session after 2026-11-23T14:30:00Z"):
        venue.desk.clock()


def test_the_calendar_is_the_venues_own_in_new_york(venue: SmallVenue) -> None:
    first, second = venue.desk.calendar(Parameters(()))
    assert (first.date, first.open, first.close) == ("2026-11-20", "09:30", "16:00")
    assert (first.session_open, first.session_close, first.settlement_date) == ("0400", "2000", "2026-11-23")
    assert (second.session_open, second.session_close, second.settlement_date) == ("0930", "1600", None)


def test_a_half_day_is_closed_from_13_00_on() -> None:
    half = Session(
        date="2026-11-27",
        open=from_rfc3339("2026-11-27T14:30:00Z"),
        close=from_rfc3339("2026-11-27T18:00:00Z"),
        early_open=from_rfc3339("2026-11-27T09:00:00Z"),
        late_close=from_rfc3339("2026-11-27T22:00:00Z"),
    )
    whole = Session(
        date="2026-11-30",
        open=from_rfc3339("2026-11-30T14:30:00Z"),
        close=from_rfc3339("2026-11-30T21:00:00Z"),
    )
    venue = SmallVenue(small_settings(start=half.open, sessions=(half, whole)))
    venue.pass_to(Instant(half.close - 1))
    clock = venue.desk.clock()
    assert (clock.is_open, clock.next_close) == (True, "2026-11-27T13:00:00.000000000-05:00")
    venue.pass_to(half.close)
    clock = venue.desk.clock()
    assert (clock.is_open, clock.next_open) == (False, "2026-11-30T09:30:00.000000000-05:00")
    assert clock.next_close == "2026-11-30T16:00:00.000000000-05:00"
    day = venue.desk.calendar(Parameters(()))[0]
    assert (day.open, day.close, day.session_open, day.session_close) == ("09:30", "13:00", "0400", "1700")


def test_the_calendar_is_cut_by_dates(venue: SmallVenue) -> None:
    assert days(venue, start="2026-11-21") == ["2026-11-23"]
    assert days(venue, end="2026-11-20T00:00:00Z") == ["2026-11-20"]
    assert days(venue, start="2026-11-23", date_type="SETTLEMENT") == ["2026-11-20"]
    with pytest.raises(BadValue, match="start: expected a day"):
        days(venue, start="soon")
