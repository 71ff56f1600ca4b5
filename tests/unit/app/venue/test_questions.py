"""Lists of orders and activities as clients ask for them."""

from decimal import Decimal

import pytest

from agenttrader.app.venue.questions import Parameters, activities_asked, clock_answer, orders_asked
from agenttrader.app.venue.requests import Unsupported
from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    OrderSubmitted,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import OrderClass, OrderType, Side, StopLoss, Submission, TimeInForce

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
DAY = 24 * 60 * MINUTE


def minute(number: int) -> Instant:
    return Instant(OPEN + number * MINUTE)


@pytest.fixture
def exchange() -> Exchange:
    """One filled bracket, one limit order in XYZ, one more bracket that waits: a minute apart each."""
    exchange = Exchange(
        Settings(
            start=OPEN,
            listings=tuple(
                Listing(symbol=name, tick=Decimal("0.01"), lot=Decimal(1)) for name in ("ABC", "XYZ")
            ),
            accounts=(AccountOpening(name="a", cash=Decimal(100_000), shorting=False),),
            sessions=(
                Session(date="2026-11-20", open=OPEN, close=minute(390)),
                Session(
                    date="2026-11-21", open=Instant(OPEN + 3 * DAY), close=Instant(minute(390) + 3 * DAY)
                ),
            ),
            fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal(8)),
            market_reserve_percent=0,
        )
    )
    bar(exchange, 1)
    submit(exchange, "first", exits=(110, 90))
    bar(exchange, 2)
    submit(exchange, "second", symbol="XYZ", limit=Decimal(50))
    bar(exchange, 3)
    submit(exchange, "third", limit=Decimal(80), exits=(110, 70))
    return exchange


def bar(exchange: Exchange, number: int, price: int = 100) -> None:
    value = Decimal(price)
    exchange.handle(
        BarSeen(
            symbol="ABC",
            start=minute(number - 1),
            end=minute(number),
            open=value,
            high=value,
            low=value,
            close=value,
            volume=Decimal(1_000),
        )
    )
    exchange.handle(WatermarkSeen(time=minute(number)))


def submit(
    exchange: Exchange,
    name: str,
    *,
    symbol: str = "ABC",
    limit: Decimal | None = None,
    exits: tuple[int, int] | None = None,
) -> None:
    submission = Submission(
        client_order_id=name,
        symbol=symbol,
        side=Side.BUY,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(10),
        limit_price=limit,
        order_class=OrderClass.SIMPLE if exits is None else OrderClass.BRACKET,
        target=None if exits is None else Decimal(exits[0]),
        stop_loss=None if exits is None else StopLoss(stop=Decimal(exits[1])),
    )
    assert exchange.handle(OrderSubmitted(account="a", submission=submission)).applied


def orders(exchange: Exchange, **parameters: str) -> list[str]:
    """The orders' names; a leg is its type in brackets, with what it is nested in before it."""
    named = ("first", "second", "third")
    found = []
    for order in orders_asked(exchange, "a", Parameters(parameters.items())):
        legs = "".join(f"+{leg.type}" for leg in order.legs or ())
        name = order.client_order_id if order.client_order_id in named else f"({order.type})"
        found.append(name + legs)
    return found


def activities(exchange: Exchange, only: str | None = None, **parameters: str) -> list[str]:
    return [
        each.activity_type for each in activities_asked(exchange, "a", Parameters(parameters.items()), only)
    ]


def test_the_newest_orders_come_first_and_legs_stand_for_themselves(exchange: Exchange) -> None:
    assert orders(exchange) == ["(stop)", "(limit)", "third", "second", "(stop)", "(limit)"]


def test_nested_a_leg_stands_in_its_entry_unless_that_is_not_asked_for(exchange: Exchange) -> None:
    assert orders(exchange, nested="True", direction="asc") == [
        "(limit)",
        "(stop)",
        "second",
        "third+limit+stop",
    ]
    assert orders(exchange, nested="true", status="all", direction="asc") == [
        "first+limit+stop",
        "second",
        "third+limit+stop",
    ]
    assert orders(exchange, nested="false", status="closed") == ["first"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    (
        ({"symbols": "XYZ,NONE"}, ["second"]),
        ({"side": "sell", "status": "closed"}, []),
        ({"side": "buy"}, ["third", "second"]),
        ({"limit": "1", "nested": "true"}, ["third+limit+stop"]),
        ({"after": "2026-11-20T14:32:00Z"}, ["(stop)", "(limit)", "third"]),
        ({"until": "2026-11-20T14:32:00+00:00", "status": "all"}, ["(stop)", "(limit)", "first"]),
        ({"after": "2026-11-20T14:31:59 00:00", "until": "2026-11-20T14:32:01Z"}, ["second"]),
        ({"after": "2026-11-21"}, []),
    ),
)
def test_orders_are_filtered(exchange: Exchange, parameters: dict[str, str], expected: list[str]) -> None:
    assert orders(exchange, **parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "found"),
    (
        ({"status": "asleep"}, "status: expected one of open, closed, all"),
        ({"limit": "0"}, "limit: expected a whole number from 1 to 500"),
        ({"limit": "501"}, "limit: expected"),
        ({"limit": "\u0661"}, "limit: expected"),
        ({"direction": "sideways"}, "direction: expected one of asc, desc"),
        ({"nested": "perhaps"}, "nested: expected one of"),
        ({"after": "yesterday"}, "time: expected RFC 3339"),
        ({"colour": "blue"}, "expected only parameters of this request, found colour"),
    ),
)
def test_a_parameter_that_cannot_be_is_refused(
    exchange: Exchange, parameters: dict[str, str], found: str
) -> None:
    with pytest.raises(BadValue, match=found):
        orders(exchange, **parameters)


def test_a_parameter_told_twice_or_not_supported_is_refused() -> None:
    with pytest.raises(BadValue, match="limit: expected it once"):
        Parameters((("limit", "1"), ("limit", "2")))
    with pytest.raises(Unsupported, match="not supported by this venue yet: parameter percentage"):
        Parameters((("percentage", "50"),), unsupported=("percentage",))


def test_activities_are_told_newest_first_by_page(exchange: Exchange) -> None:
    bar(exchange, 4, price=90)
    assert activities(exchange) == ["FEE", "FEE", "FILL", "FILL"]
    everything = activities_asked(exchange, "a", Parameters(()), None)
    paged = []
    token: list[tuple[str, str]] = []
    while page := activities_asked(exchange, "a", Parameters([("page_size", "2"), *token]), None):
        paged += page
        token = [("page_token", page[-1].id)]
    assert paged == everything
    assert len({each.id for each in everything}) == 4
    assert everything[-1].id.startswith("20261120143200000::")


def test_activities_are_filtered(exchange: Exchange) -> None:
    bar(exchange, 4, price=90)
    assert activities(exchange, "FEE") == ["FEE", "FEE"]
    assert activities(exchange, activity_types="FILL,DIV") == ["FILL", "FILL"]
    assert activities(exchange, category="non_trade_activity") == ["FEE", "FEE"]
    assert activities(exchange, direction="asc") == ["FILL", "FILL", "FEE", "FEE"]
    assert activities(exchange, after="2026-11-20T14:32:00Z") == ["FEE", "FEE", "FILL"]
    assert activities(exchange, until="2026-11-20T14:32:00Z") == []
    assert activities(exchange, date="2026-11-20", direction="asc")[:1] == ["FILL"]
    assert activities(exchange, date="2026-11-19") == []


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
    exchange: Exchange, parameters: dict[str, str], found: str
) -> None:
    with pytest.raises(BadValue, match=found):
        activities(exchange, **parameters)


def test_the_clock_is_the_datas_until_the_calendar_ends(exchange: Exchange) -> None:
    clock = clock_answer(exchange)
    assert (clock.timestamp, clock.is_open) == ("2026-11-20T14:33:00Z", True)
    assert (clock.next_open, clock.next_close) == ("2026-11-23T14:30:00Z", "2026-11-20T21:00:00Z")
    exchange.handle(WatermarkSeen(time=Instant(OPEN + 3 * DAY)))
    with pytest.raises(BadValue, match="clock: expected a session after 2026-11-23T14:30:00Z"):
        clock_answer(exchange)
