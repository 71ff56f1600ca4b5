"""What moved cash and holdings, as clients list it."""

from typing import Any

import msgspec
import pytest

from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import Activity, decode_new_order
from agenttrader.testing.small_venue import FIRST, SmallVenue


@pytest.fixture
def venue() -> SmallVenue:
    """Bought at 14:32, sold at 14:34 with two fees."""
    venue = SmallVenue()
    venue.bar(100)
    submit(venue)
    venue.bar(100)
    venue.bar(100)
    submit(venue, side="sell")
    venue.bar(110)
    return venue


def submit(venue: SmallVenue, **changes: Any) -> None:
    fields = {"symbol": "ALFA", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
    venue.desk.submit(FIRST, decode_new_order(msgspec.json.encode(fields | changes)))


def told(venue: SmallVenue, only: str | None = None, **parameters: str) -> list[Activity]:
    return venue.desk.activities(FIRST, Parameters(parameters.items()), only)


def kinds(venue: SmallVenue, only: str | None = None, **parameters: str) -> list[str]:
    return [each.activity_type for each in told(venue, only, **parameters)]


def test_activities_are_told_newest_first_by_page(venue: SmallVenue) -> None:
    assert kinds(venue) == ["FEE", "FEE", "FILL", "FILL"]
    everything = told(venue)
    paged: list[Activity] = []
    token: dict[str, str] = {}
    while page := told(venue, page_size="2", **token):
        paged += page
        token = {"page_token": page[-1].id}
    assert paged == everything
    assert len({each.id for each in everything}) == 4
    assert everything[-1].id.startswith("20261120143200000::")


def test_a_fill_says_what_was_filled_and_what_is_left(venue: SmallVenue) -> None:
    bought = told(venue, "FILL", direction="asc")[0]
    assert (bought.type, str(bought.price), str(bought.qty)) == ("fill", "100.00", "10")
    assert (str(bought.leaves_qty), str(bought.cum_qty)) == ("0", "10")
    assert (bought.symbol, bought.side, bought.order_status) == ("ALFA", "buy", "filled")
    fee = told(venue, "FEE")[0]
    assert (fee.date, fee.status) == ("2026-11-20", "executed")
    assert fee.net_amount is not None
    assert fee.net_amount < 0


def test_activities_are_filtered(venue: SmallVenue) -> None:
    assert kinds(venue, "FEE") == ["FEE", "FEE"]
    assert kinds(venue, activity_types="FILL,DIV") == ["FILL", "FILL"]
    assert kinds(venue, category="non_trade_activity") == ["FEE", "FEE"]
    assert kinds(venue, direction="asc") == ["FILL", "FILL", "FEE", "FEE"]
    assert kinds(venue, after="2026-11-20T14:32:00Z") == ["FEE", "FEE", "FILL"]
    assert kinds(venue, until="2026-11-20T14:32:00Z") == []
    assert kinds(venue, date="2026-11-20", direction="asc")[:1] == ["FILL"]
    assert kinds(venue, date="2026-11-20T00:00:00Z", direction="asc")[:1] == ["FILL"]
    assert kinds(venue, date="2026-11-19") == []


@pytest.mark.parametrize(
    ("parameters", "found"),
    (
        ({"activity_types": "FFFFF"}, "activity_types: expected types of Alpaca's, found 'FFFFF'"),
        ({"page_token": "nowhere"}, "page_token: expected the id of an activity"),
        ({"page_size": "101"}, "page_size: expected a whole number from 1 to 100"),
        ({"date": "today"}, "date: expected a day as YYYY-MM-DD"),
        ({"category": "other"}, "category: expected one of"),
    ),
)
def test_activities_that_cannot_be_are_refused(
    venue: SmallVenue, parameters: dict[str, str], found: str
) -> None:
    with pytest.raises(BadValue, match=found):
        told(venue, **parameters)
