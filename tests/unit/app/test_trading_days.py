"""Trading days are told in New York's time, with their early and late hours and the day they settle."""

from agenttrader.app.trading_days import calendar_days
from agenttrader.model.sessions import Session
from agenttrader.model.times import from_rfc3339
from agenttrader.protocols.alpaca_market import CalendarDay

DAYS = (
    Session(
        date="2026-11-25",
        open=from_rfc3339("2026-11-25T14:30:00Z"),
        close=from_rfc3339("2026-11-25T21:00:00Z"),
        early_open=from_rfc3339("2026-11-25T09:00:00Z"),
        late_close=from_rfc3339("2026-11-26T01:00:00Z"),
    ),
    Session(
        date="2026-11-27",
        open=from_rfc3339("2026-11-27T14:30:00Z"),
        close=from_rfc3339("2026-11-27T18:00:00Z"),
    ),
)


def dates(start: str | None, end: str | None, *, by_settlement: bool = False) -> list[str]:
    return [day.date for day in calendar_days(DAYS, start, end, by_settlement=by_settlement)]


def test_a_day_has_its_hours_and_settles_on_the_next() -> None:
    assert calendar_days(DAYS, None, None, by_settlement=False) == [
        CalendarDay(
            date="2026-11-25",
            open="09:30",
            close="16:00",
            session_open="0400",
            session_close="2000",
            settlement_date="2026-11-27",
        ),
        CalendarDay(
            date="2026-11-27", open="09:30", close="13:00", session_open="0930", session_close="1300"
        ),
    ]


def test_days_are_asked_for_by_their_date_or_by_that_of_settlement() -> None:
    assert dates("2026-11-26", None) == dates("2026-11-27", "2026-11-27") == ["2026-11-27"]
    assert dates(None, "2026-11-26") == ["2026-11-25"]
    assert dates("2026-11-26", None, by_settlement=True) == ["2026-11-25"]
