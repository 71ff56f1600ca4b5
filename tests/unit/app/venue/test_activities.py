"""What moved cash and holdings, as clients list it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.model.times import from_rfc3339
from agenttrader.protocols.alpaca_trading import Activity, decode_new_order
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, CorporateActionKind, CorporateActionSeen, Habits
from agenttrader.testing.small_venue import CASH, CLOSE, COIN, FIRST, NEXT_OPEN, SmallVenue, small_settings

DAY_AFTER = from_rfc3339("2026-11-24T02:00:00Z")
RATES = FeeSchedule(
    sec_rate=Decimal("0.0000278"),
    taf_rate=Decimal("0.000166"),
    taf_cap=Decimal("8.30"),
    crypto_maker_rate=Decimal("0.0015"),
    crypto_taker_rate=Decimal("0.0025"),
    margin_rate=Decimal("0.0625"),
    easy_borrow_rate=Decimal("0.03"),
)


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


def coins_bought(venue: SmallVenue) -> None:
    venue.bar(100, symbol=COIN)
    submit(venue, symbol=COIN, qty=2, time_in_force="gtc")
    venue.bar(100, symbol=COIN)


def coins_sold(venue: SmallVenue) -> None:
    coins_bought(venue)
    submit(venue, symbol=COIN, qty=1, side="sell", time_in_force="gtc")
    venue.bar(100, symbol=COIN)


def cash_borrowed(venue: SmallVenue) -> None:
    venue.bar(100)
    submit(venue, qty=1_500)
    venue.bar(100, volume=100_000)
    venue.pass_to(DAY_AFTER)


def shares_borrowed(venue: SmallVenue) -> None:
    venue.bar(100)
    submit(venue, qty=100, side="sell")
    venue.bar(100)
    venue.pass_to(DAY_AFTER)


def acted(venue: SmallVenue, **action: Any) -> None:
    venue.bar(100)
    submit(venue, qty=7)
    venue.bar(100)
    venue.pass_to(CLOSE)
    assert venue.desk.apply(CorporateActionSeen(symbol="ALFA", time=NEXT_OPEN, **action)).applied


def dividend_paid(venue: SmallVenue) -> None:
    acted(venue, kind=CorporateActionKind.CASH_DIVIDEND, cash=Decimal("0.5"))


def split(venue: SmallVenue) -> None:
    acted(venue, kind=CorporateActionKind.SPLIT, new_rate=Decimal(3), old_rate=Decimal(1))


def merged(venue: SmallVenue) -> None:
    acted(venue, kind=CorporateActionKind.SPLIT, new_rate=Decimal(1), old_rate=Decimal(2))


@pytest.mark.parametrize(
    ("happened", "kind", "said"),
    (
        # A quarter of a percent of two coins.
        (
            coins_bought,
            "CFEE",
            {"symbol": "BTCUSD", "qty": "-0.005000000", "price": "100.00", "net_amount": "0"},
        ),
        (coins_sold, "CFEE", {"qty": None, "net_amount": "-0.25"}),
        # One night of 360, on 50 000 at 6.25 percent and on 10 000 at 3.
        (
            cash_borrowed,
            "INT",
            {"activity_sub_type": "MGN", "net_amount": "-8.68", "description": "Margin interest for 1 night"},
        ),
        (
            shares_borrowed,
            "INT",
            {"symbol": "ALFA", "net_amount": "-0.83", "description": "Borrow fee of ALFA for 1 night"},
        ),
        (
            dividend_paid,
            "DIV",
            {"activity_sub_type": "CDIV", "qty": "7", "per_share_amount": "0.5", "net_amount": "3.50"},
        ),
        (
            split,
            "SPLIT",
            {"activity_sub_type": "FSPLIT", "symbol": "ALFA", "qty": "14", "net_amount": "0.00"},
        ),
        # Seven become three; the half of one is paid for.
        (merged, "SPLIT", {"activity_sub_type": "RSPLIT", "qty": "-4", "net_amount": "100.00"}),
    ),
)
def test_what_moves_cash_or_holdings_says_what_it_was(
    happened: Callable[[SmallVenue], None], kind: str, said: dict[str, str | None]
) -> None:
    account = AccountOpening(name=FIRST, cash=CASH, shorting=True, multiplier=2)
    venue = SmallVenue(small_settings(accounts=(account,), fees=RATES))
    happened(venue)
    newest = told(venue, kind)[0]
    found = {name: getattr(newest, name) for name in said}
    assert {name: None if value is None else str(value) for name, value in found.items()} == said
    assert (newest.activity_type, newest.status) == (kind, "executed")


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


def test_a_fee_of_the_evening_has_the_date_of_new_york() -> None:
    venue = SmallVenue(small_settings(habits=Habits(late_fees=True)))
    venue.bar(100)
    submit(venue)
    venue.bar(100)
    submit(venue, side="sell")
    venue.bar(110)
    venue.pass_to(NEXT_OPEN)
    for fee in told(venue, "FEE"):
        assert fee.created_at == "2026-11-21T01:00:00Z"
        assert fee.date == "2026-11-20"
        assert fee.description in ("REG fee for 2026-11-20", "TAF fee for 2026-11-20")
    assert kinds(venue, "FEE", date="2026-11-20") == ["FEE", "FEE"]
    assert kinds(venue, "FEE", date="2026-11-21") == []
