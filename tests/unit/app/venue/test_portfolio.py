"""What an account was worth, by day and by minutes."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.app.venue import valuations
from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, SECOND, Instant, from_rfc3339
from agenttrader.protocols.alpaca_account import PortfolioHistory
from agenttrader.protocols.alpaca_trading import decode_new_order
from agenttrader.testing.small_venue import CLOSE, FIRST, NEXT_OPEN, OPEN, SmallVenue
from agenttrader.testing.small_venue import SECOND as OTHER


@pytest.fixture
def venue() -> SmallVenue:
    """Ten bought at 100; then 101, 102, 103 at the minutes' ends, and 110 on the next day."""
    venue = SmallVenue()
    venue.bar(100)
    submit(venue)
    venue.bar(100)
    for price in (101, 102, 103):
        venue.bar(price)
    return venue


def submit(venue: SmallVenue, **changes: Any) -> None:
    fields = {"symbol": "ALFA", "qty": 10, "side": "buy", "type": "market", "time_in_force": "gtc"}
    venue.desk.submit(FIRST, decode_new_order(msgspec.json.encode(fields | changes)))


def told(*numbers: Decimal | int | str | None) -> tuple[str, ...]:
    """Numbers as text, without the zeros of their cents."""
    return tuple(str(number).removesuffix(".00") for number in numbers)


def into_the_next_day(venue: SmallVenue) -> None:
    venue.pass_to(CLOSE)
    venue.bar_at(NEXT_OPEN, 110)


def history(venue: SmallVenue, account: str = FIRST, **parameters: str) -> PortfolioHistory:
    return venue.desk.owner.history(account, Parameters(parameters.items()))


def test_a_day_is_told_by_minutes_each_at_its_end(venue: SmallVenue) -> None:
    found = history(venue, period="1D")
    assert found.timeframe == "1Min"
    assert found.timestamp[:2] == (OPEN // SECOND, OPEN // SECOND + 60)
    assert told(*found.equity) == told(100_000, 100_000, 100_010, 100_020, 100_030, 100_030)
    assert told(*found.profit_loss) == told(0, 0, 10, 20, 30, 30)
    assert found.profit_loss_pct[2:4] == (Decimal("0.0001"), Decimal("0.0002"))
    assert told(found.base_value, found.base_value_asof) == told(100_000, None)
    assert found.cashflow is None


def test_windows_are_as_wide_as_asked(venue: SmallVenue) -> None:
    found = history(venue, period="1D", timeframe="5Min")
    assert found.timestamp == (OPEN // SECOND, OPEN // SECOND + 300)
    assert told(*found.equity) == told(100_030, 100_030)


def test_a_new_day_is_held_against_the_close_before(venue: SmallVenue) -> None:
    into_the_next_day(venue)
    found = history(venue, period="1D")
    assert told(found.base_value, found.base_value_asof) == told(100_030, "2026-11-20")
    assert found.timestamp[0] == NEXT_OPEN // SECOND
    assert told(found.equity[0], found.profit_loss[0]) == told(100_100, 70)


def test_each_day_begins_anew_unless_told_otherwise(venue: SmallVenue) -> None:
    into_the_next_day(venue)
    parameters = {"start": "2026-11-20T00:00:00-05:00", "timeframe": "1H"}
    daily = history(venue, **parameters)
    assert told(daily.profit_loss[0], daily.profit_loss[-1]) == told(30, 70)
    running = history(venue, pnl_reset="no_reset", **parameters)
    assert told(running.profit_loss[0], running.profit_loss[-1]) == told(30, 100)
    assert len(daily.timestamp) == 7 + 1  # 09:30 to 15:30, and 09:30 again


def test_days_are_told_at_their_closes_and_today_as_it_stands(venue: SmallVenue) -> None:
    assert told(*history(venue).equity) == told(100_030)
    into_the_next_day(venue)
    found = history(venue, period="1M")
    assert found.timeframe == "1D"
    assert found.timestamp == tuple(
        from_rfc3339(time) // SECOND for time in ("2026-11-21T01:00:00Z", "2026-11-24T01:00:00Z")
    )
    assert told(*found.equity, *found.profit_loss) == told(100_030, 100_100, 0, 70)
    assert told(found.base_value, found.base_value_asof) == told(100_030, None)


def test_extended_hours_and_the_time_between_are_told_where_asked(venue: SmallVenue) -> None:
    into_the_next_day(venue)
    first_day = {"start": "2026-11-20T00:00:00-05:00", "end": "2026-11-20T23:00:00-05:00", "timeframe": "1H"}
    early = from_rfc3339("2026-11-20T09:00:00Z") // SECOND
    assert history(venue, intraday_reporting="extended_hours", **first_day).timestamp[0] == early
    assert history(venue, extended_hours="true", **first_day).timestamp[0] == early
    continuous = history(venue, intraday_reporting="continuous", **first_day)
    assert len(continuous.timestamp) == 24
    assert continuous.equity[0] == 100_000


def test_cash_that_came_and_went_is_summed_by_window(venue: SmallVenue) -> None:
    submit(venue, side="sell")
    venue.bar(103)
    found = history(venue, period="1D", cashflow_types="ALL")
    assert found.cashflow is not None
    assert list(found.cashflow) == ["FEE"]
    assert sum(found.cashflow["FEE"]) == Decimal("-0.04")
    assert found.cashflow["FEE"][-1] == Decimal("-0.04")
    assert len(found.cashflow["FEE"]) == len(found.timestamp)
    assert history(venue, cashflow_types="FEE").cashflow == {"FEE": (Decimal("-0.04"),)}
    assert history(venue, cashflow_types="NONE").cashflow is None
    assert history(venue, OTHER, cashflow_types="FEE").cashflow == {}


@pytest.mark.parametrize(
    ("parameters", "found"),
    (
        ({"intraday_reporting": "always"}, "intraday_reporting: expected one of"),
        ({"pnl_reset": "never"}, "pnl_reset: expected one of per_day, no_reset"),
        ({"cashflow_types": "GIFT"}, "cashflow_types: expected ALL, NONE or types of Alpaca's, found 'GIFT'"),
        ({"colour": "blue"}, "expected only parameters of this request"),
    ),
)
def test_a_history_that_cannot_be_is_refused(
    venue: SmallVenue, parameters: dict[str, str], found: str
) -> None:
    with pytest.raises(BadValue, match=found):
        history(venue, **parameters)


def test_the_past_is_forgotten_in_its_oldest_part_only(
    venue: SmallVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valuations, "POINTS_MAX", 3)
    before = history(venue, period="1D").equity[-1]
    for minute in range(6, 12):
        venue.pass_to(Instant(OPEN + minute * MINUTE))
    assert len(venue.desk.record.valuations._times) <= 6
    assert history(venue, period="1D").equity[-1] == before
