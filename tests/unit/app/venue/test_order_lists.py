"""Lists of orders as clients ask for them."""

from typing import Any

import msgspec
import pytest

from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import decode_new_order
from agenttrader.testing.small_venue import COIN, FIRST, SmallVenue

LEGS = {"take_profit": {"limit_price": 110}, "stop_loss": {"stop_price": 70}}


@pytest.fixture
def venue() -> SmallVenue:
    """A filled bracket, a limit order in BRVO, a bracket that waits: a minute apart each; then a coin."""
    venue = SmallVenue()
    venue.bar(100)
    submit(venue, "first", order_class="bracket", **LEGS)
    venue.bar(100)
    submit(venue, "second", symbol="BRVO", type="limit", limit_price=50)
    venue.bar(100)
    submit(venue, "third", type="limit", limit_price=80, order_class="bracket", **LEGS)
    return venue


def submit(venue: SmallVenue, name: str, **changes: Any) -> None:
    fields = {"symbol": "ALFA", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
    body = fields | changes | {"client_order_id": name}
    venue.desk.submit(FIRST, decode_new_order(msgspec.json.encode(body)))


def orders(venue: SmallVenue, **parameters: str) -> list[str]:
    """The orders' names; a leg is its type in brackets, with what is nested in it behind it."""
    named = ("first", "second", "third", "coin")
    found = []
    for order in venue.desk.orders(FIRST, Parameters(parameters.items())):
        legs = "".join(f"+{leg.type}" for leg in order.legs or ())
        name = order.client_order_id if order.client_order_id in named else f"({order.type})"
        found.append(name + legs)
    return found


def test_the_newest_orders_come_first_and_legs_stand_for_themselves(venue: SmallVenue) -> None:
    assert orders(venue) == ["(stop)", "(limit)", "third", "second", "(stop)", "(limit)"]


def test_nested_a_leg_stands_in_its_entry_unless_that_is_not_asked_for(venue: SmallVenue) -> None:
    assert orders(venue, nested="True", direction="asc") == [
        "(limit)",
        "(stop)",
        "second",
        "third+limit+stop",
    ]
    assert orders(venue, nested="true", status="all", direction="asc") == [
        "first+limit+stop",
        "second",
        "third+limit+stop",
    ]
    assert orders(venue, nested="false", status="closed") == ["first"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    (
        ({"symbols": "BRVO,NONE"}, ["second"]),
        ({"side": "sell", "status": "closed"}, []),
        ({"side": "buy"}, ["third", "second"]),
        ({"limit": "1", "nested": "true"}, ["third+limit+stop"]),
        ({"after": "2026-11-20T14:32:00Z"}, ["(stop)", "(limit)", "third"]),
        ({"until": "2026-11-20T14:32:00+00:00", "status": "all"}, ["(stop)", "(limit)", "first"]),
        ({"after": "2026-11-20T14:31:59 00:00", "until": "2026-11-20T14:32:01Z"}, ["second"]),
        ({"after": "2026-11-21"}, []),
        ({"asset_class": "crypto"}, []),
        ({"asset_class": "us_equity,crypto", "side": "buy"}, ["third", "second"]),
        ({"asset_class": "all", "side": "buy"}, ["third", "second"]),
    ),
)
def test_orders_are_filtered(venue: SmallVenue, parameters: dict[str, str], expected: list[str]) -> None:
    assert orders(venue, **parameters) == expected


def test_a_list_goes_on_from_an_order(venue: SmallVenue) -> None:
    second = venue.desk.order_by_client_order_id(FIRST, "second").id
    assert orders(venue, after_order_id=second) == ["(stop)", "(limit)", "third"]
    assert orders(venue, before_order_id=second, status="all") == ["(stop)", "(limit)", "first"]


def test_a_coin_is_listed_by_either_name(venue: SmallVenue) -> None:
    venue.bar(50_000, symbol=COIN)
    submit(venue, "coin", symbol="BTCUSD", qty="0.01", type="limit", limit_price=40_000, time_in_force="gtc")
    for name in ("BTCUSD", COIN):
        assert orders(venue, symbols=name) == ["coin"]
    assert orders(venue, asset_class="crypto") == ["coin"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    (
        ({"status": "asleep"}, "status: expected one of open, closed, all"),
        ({"limit": "501"}, "limit: expected a whole number from 1 to 500"),
        ({"direction": "sideways"}, "direction: expected one of asc, desc"),
        (
            {"asset_class": "bonds"},
            "asset_class: expected crypto, us_equity, us_option or all, found 'bonds'",
        ),
        ({"after_order_id": "nowhere"}, "after_order_id: expected an order of this account"),
        ({"colour": "blue"}, "expected only parameters of this request, found colour"),
    ),
)
def test_a_parameter_that_cannot_be_is_refused(
    venue: SmallVenue, parameters: dict[str, str], found: str
) -> None:
    with pytest.raises(BadValue, match=found):
        orders(venue, **parameters)
