"""From when to when a history is asked for."""

import pytest

from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.spans import Span, span_asked
from agenttrader.model.errors import BadValue
from agenttrader.model.times import from_rfc3339, rfc3339

NOW = from_rfc3339("2026-11-20T20:00:00Z")


def span(**parameters: str) -> Span:
    return span_asked(Parameters(parameters.items()), NOW)


@pytest.mark.parametrize(
    ("parameters", "start", "timeframe"),
    (
        ({}, "2026-10-21T04:00:00Z", "1D"),
        ({"period": "1D"}, "2026-11-20T05:00:00Z", "1Min"),
        ({"period": "6D"}, "2026-11-15T05:00:00Z", "1Min"),
        ({"period": "7D"}, "2026-11-14T05:00:00Z", "15Min"),
        ({"period": "2W"}, "2026-11-07T05:00:00Z", "15Min"),
        ({"period": "30D"}, "2026-10-22T04:00:00Z", "1D"),
        ({"period": "1M"}, "2026-10-21T04:00:00Z", "1D"),
        ({"period": "1A"}, "2025-11-21T05:00:00Z", "1D"),
        ({"period": "1D", "timeframe": "5Min"}, "2026-11-20T05:00:00Z", "5Min"),
        ({"start": "2026-11-19T15:00:00Z"}, "2026-11-19T15:00:00Z", "1Min"),
    ),
)
def test_a_span_ends_now_unless_told_otherwise(
    parameters: dict[str, str], start: str, timeframe: str
) -> None:
    found = span(**parameters)
    assert (rfc3339(found.start), found.timeframe, found.end) == (start, timeframe, NOW)


def test_a_span_goes_from_its_start_or_to_its_end() -> None:
    assert rfc3339(span(start="2026-11-02T05:00:00Z", period="1W").end)[:16] == "2026-11-09T04:59"
    assert rfc3339(span(start="2026-11-02T15:00:00Z", period="2D").end)[:16] == "2026-11-04T04:59"
    assert rfc3339(span(end="2026-11-10T12:00:00Z", period="1D").start) == "2026-11-10T05:00:00Z"
    assert rfc3339(span(date_end="2026-11-10", period="1D").end)[:19] == "2026-11-11T04:59:59"


def test_a_month_may_be_a_short_one_and_is_told_by_days() -> None:
    february = span(date_end="2026-03-31")
    assert (rfc3339(february.start), february.timeframe) == ("2026-03-01T05:00:00Z", "1D")


@pytest.mark.parametrize(
    ("parameters", "found"),
    (
        ({"period": "D"}, "period: expected a number and D, W, M or A"),
        ({"period": "0D"}, "period: expected a number"),
        ({"period": "9999A"}, "period: expected one within the calendar"),
        ({"timeframe": "2Min"}, "timeframe: expected one of 1Min, 5Min, 15Min, 1H, 1D"),
        ({"period": "2M", "timeframe": "1H"}, "timeframe: expected 1D for more than 30 days, found 1H"),
        ({"start": "2026-11-01", "end": "2026-11-02", "period": "1D"}, "period: expected two of start"),
        ({"end": "2026-11-01", "date_end": "2026-11-01"}, "date_end: expected either end or date_end"),
        ({"start": "2026-11-21"}, "end: expected a time at or after the start"),
    ),
)
def test_a_span_that_cannot_be_is_refused(parameters: dict[str, str], found: str) -> None:
    with pytest.raises(BadValue, match=found):
        span(**parameters)
