"""The option contracts that clients ask for: every filter, and page by page."""

from decimal import Decimal

import pytest

from agenttrader.app.venue.option_contracts import contracts_asked
from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.testing.option_stage import CONTRACTS, OptionStage, call, put

STAGE = OptionStage()


def asked(stage: OptionStage, parameters: dict[str, str] | None = None) -> list[str]:
    page = contracts_asked(stage.exchange, Parameters((parameters or {}).items()))
    return [each.symbol for each in page.option_contracts]


ALL = {"expiration_date_gte": "2026-01-01"}
FRIDAYS = sorted(each for each in CONTRACTS if "261120" in each)
MONDAYS = sorted(each for each in CONTRACTS if "261123" in each)


def test_every_contract_is_told_by_symbol() -> None:
    assert asked(STAGE, ALL) == sorted(CONTRACTS)
    page = contracts_asked(STAGE.exchange, Parameters([("limit", "1"), ("type", "put")]))
    (found,) = page.option_contracts
    assert (found.symbol, found.type, found.strike_price, found.size) == (put(90), "put", Decimal(90), "100")
    assert (found.status, found.underlying_symbol, found.expiration_date) == ("active", "ABC", "2026-11-20")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    (
        ({"underlying_symbols": "XYZ"}, []),
        ({"root_symbol": "XYZ"}, []),
        ({"style": "european"}, []),
        ({"status": "inactive"}, []),
        ({"underlying_symbols": "ABC,XYZ", "root_symbol": "ABC", "style": "american"}, FRIDAYS),
        ({"expiration_date": "2026-11-20", "strike_price_gte": "110"}, [call(110), put(110)]),
        ({"expiration_date_gte": "2026-11-21", "strike_price_lte": "90"}, [call(90, 1), put(90, 1)]),
        (
            {"expiration_date_lte": "2026-11-22", "type": "call", "strike_price_lte": "95"},
            [call(90), call(95)],
        ),
    ),
)
def test_filters_keep_what_fits(parameters: dict[str, str], expected: list[str]) -> None:
    assert asked(STAGE, parameters) == expected


def test_without_a_day_contracts_are_told_to_the_next_weekend() -> None:
    assert asked(STAGE) == FRIDAYS
    stage = OptionStage()
    stage.next_day()
    assert asked(stage) == MONDAYS
    assert asked(STAGE, {"expiration_date_lte": "2026-12-31"}) == sorted(CONTRACTS)


def test_pages_follow_each_other_without_a_gap() -> None:
    found: list[str] = []
    token = ""
    while True:
        page = contracts_asked(
            STAGE.exchange, Parameters([("limit", "7"), ("page_token", token), *ALL.items()])
        )
        found += [each.symbol for each in page.option_contracts]
        if page.next_page_token is None:
            break
        token = page.next_page_token
    assert found == sorted(CONTRACTS)


def test_what_has_expired_is_inactive() -> None:
    stage = OptionStage()
    stage.next_day()
    assert asked(stage, ALL) == MONDAYS
    assert asked(stage, {"status": "inactive"}) == FRIDAYS


@pytest.mark.parametrize(
    "parameters", ({"type": "both"}, {"limit": "10001"}, {"page_token": "x"}, {"colour": "blue"})
)
def test_what_cannot_be_asked_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(BadValue, match="expected"):
        asked(STAGE, parameters)
