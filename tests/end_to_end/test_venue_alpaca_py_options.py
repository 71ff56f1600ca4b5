"""Options at the venue, driven by alpaca-py's own clients over real sockets: from the contract to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    ContractType,
    OrderClass,
    OrderSide,
    OrderStatus,
    PositionIntent,
    QueryOrderStatus,
    TimeInForce,
)

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.listings import option_listing
from agenttrader.simulation.quotes import QuoteSeen
from agenttrader.testing.small_venue import CLOSE, FIRST, OPEN, SECOND, SECRET, SmallVenue, small_settings

T = TypeVar("T")
Listening = Callable[..., AbstractAsyncContextManager[list[models.TradeUpdate]]]
Opened = Callable[..., AbstractAsyncContextManager[SmallVenue]]
TODAY, LATER = "2026-11-20", "2026-12-18"


def contract(right: Right, strike: int, expiration: str = TODAY) -> OptionContract:
    return OptionContract(underlying="ALFA", expiration=expiration, strike=Decimal(strike), right=right)


def call(strike: int) -> str:
    return contract(Right.CALL, strike).symbol


def put(strike: int) -> str:
    return contract(Right.PUT, strike).symbol


LISTED = tuple(contract(right, strike) for right in Right for strike in (90, 95, 100, 105, 110))


@pytest.fixture
async def venue(opened: Opened) -> AsyncIterator[SmallVenue]:
    """The small venue with options on its first share, and accounts of 600 and 20,000 that may trade them."""
    listings = (*LISTED, contract(Right.CALL, 100, LATER))
    async with opened(
        listings=(*small_settings().listings, *map(option_listing, listings)),
        accounts=(
            AccountOpening(name=FIRST, cash=Decimal(600), shorting=False, options_level=3),
            AccountOpening(name=SECOND, cash=Decimal(20_000), shorting=True, options_level=3),
        ),
    ) as venue:
        yield venue


def quote(venue: SmallVenue, **sides: tuple[str, str]) -> None:
    """Quotes a minute later, of ten contracts a side, by symbol."""
    venue.minute += 1
    for symbol, (bid, ask) in sides.items():
        seen = QuoteSeen(
            symbol=symbol,
            time=Instant(OPEN + venue.minute * MINUTE),
            bid=Decimal(bid),
            bid_size=Decimal(10),
            ask=Decimal(ask),
            ask_size=Decimal(10),
        )
        assert venue.desk.apply(seen).applied


async def ask(function: Callable[..., T], *arguments: Any) -> Any:
    return await asyncio.to_thread(function, *arguments)


async def refusal(function: Callable[..., T], *arguments: Any) -> tuple[int, int, str]:
    with pytest.raises(APIError) as refused:
        await asyncio.to_thread(function, *arguments)
    error = refused.value
    assert error.status_code is not None
    return error.status_code, error.code, error.message


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the clients raise no event
            await asyncio.sleep(0.005)


def leg(ratio: int, symbol: str, intent: PositionIntent) -> requests.OptionLegRequest:
    return requests.OptionLegRequest(symbol=symbol, ratio_qty=ratio, position_intent=intent)


def package(*legs: requests.OptionLegRequest, limit: float, qty: int = 1) -> requests.LimitOrderRequest:
    return requests.LimitOrderRequest(
        qty=qty,
        order_class=OrderClass.MLEG,
        time_in_force=TimeInForce.DAY,
        limit_price=limit,
        legs=list(legs),
    )


def single(symbol: str, side: OrderSide, limit: float, **more: Any) -> requests.LimitOrderRequest:
    return requests.LimitOrderRequest(
        symbol=symbol, qty=1, side=side, time_in_force=TimeInForce.DAY, limit_price=limit, **more
    )


BULL = (leg(1, call(100), PositionIntent.BUY_TO_OPEN), leg(1, call(105), PositionIntent.SELL_TO_OPEN))
BACK = (leg(1, call(100), PositionIntent.SELL_TO_CLOSE), leg(1, call(105), PositionIntent.BUY_TO_CLOSE))
CONDOR = (
    leg(1, put(90), PositionIntent.BUY_TO_OPEN),
    leg(1, put(95), PositionIntent.SELL_TO_OPEN),
    leg(1, call(105), PositionIntent.SELL_TO_OPEN),
    leg(1, call(110), PositionIntent.BUY_TO_OPEN),
)


async def test_contracts_are_found(client: TradingClient) -> None:
    asked = requests.GetOptionContractsRequest(
        underlying_symbols=["ALFA"],
        expiration_date_gte=date(2026, 11, 1),
        expiration_date_lte=date(2026, 11, 30),
        type=ContractType.CALL,
        strike_price_gte="100",
        limit=2,
    )
    page = await ask(client.get_option_contracts, asked)
    assert isinstance(page, models.OptionContractsResponse)
    assert [each.symbol for each in page.option_contracts or ()] == [call(100), call(105)]
    asked.page_token = page.next_page_token
    rest = await ask(client.get_option_contracts, asked)
    assert ([each.symbol for each in rest.option_contracts], rest.next_page_token) == ([call(110)], None)
    one = await ask(client.get_option_contract, call(100))
    assert (one.strike_price, one.size, one.expiration_date) == (100.0, "100", date(2026, 11, 20))
    assert await ask(client.get_option_contract, one.id) == one
    assert (await refusal(client.get_option_contract, "ALFA"))[:2] == (404, 40410000)


async def test_a_leg_alone(venue: SmallVenue, client: TradingClient) -> None:
    order = await ask(client.submit_order, single(call(100), OrderSide.BUY, 2.0))
    assert (order.status, order.position_intent) == (OrderStatus.NEW, PositionIntent.BUY_TO_OPEN)
    quote(venue, **{call(100): ("1.90", "2.00")})
    (position,) = await ask(client.get_all_positions)
    assert (position.symbol, position.asset_class.value) == (call(100), "us_option")
    assert (position.qty, position.avg_entry_price, position.cost_basis) == ("1", "2.00", "200.00")
    assert (position.current_price, position.market_value) == ("1.95", "195.00")
    account = await ask(client.get_account)
    assert (account.cash, account.equity, account.options_buying_power) == ("400.00", "595.00", "400.00")
    assert (account.options_trading_level, account.options_approved_level) == (3, 3)
    sold = await ask(client.close_position, call(100))
    assert (sold.side, sold.position_intent) == (OrderSide.SELL, PositionIntent.SELL_TO_CLOSE)
    quote(venue, **{call(100): ("2.10", "2.20")})
    assert await ask(client.get_all_positions) == []
    assert (await ask(client.get_account)).cash == "609.99"  # less the SEC's fee, rounded up


async def test_a_vertical_spread_is_opened_and_closed(
    venue: SmallVenue, client: TradingClient, listening: Listening
) -> None:
    async with listening(venue) as updates:
        opened = await ask(client.submit_order, package(*BULL, limit=1.5, qty=2))
        assert (opened.order_class, opened.symbol, opened.side) == (OrderClass.MLEG, None, None)
        assert [(each.symbol, each.qty, each.ratio_qty) for each in opened.legs] == [
            (call(100), "2", "1"),
            (call(105), "2", "1"),
        ]
        assert (await ask(client.get_account)).options_buying_power == "300.00"
        quote(venue, **{call(100): ("1.90", "2.00"), call(105): ("0.60", "0.70")})
        await until(lambda: len(updates) == 4)
    assert [(each.event, each.order.symbol, each.price, each.qty) for each in updates] == [
        ("new", None, None, None),
        ("fill", call(100), 2.0, 2.0),
        ("fill", call(105), 0.6, 2.0),
        ("fill", None, 1.4, 2.0),
    ]
    filled = await ask(client.get_order_by_id, opened.id, requests.GetOrderByIdRequest(nested=True))
    assert (filled.status, filled.filled_qty, filled.filled_avg_price) == (OrderStatus.FILLED, "2", "1.40")
    assert [each.filled_avg_price for each in filled.legs] == ["2.00", "0.60"]
    held = {each.symbol: each.qty for each in await ask(client.get_all_positions)}
    assert held == {call(100): "2", call(105): "-2"}
    closed = await ask(client.submit_order, package(*BACK, limit=-1.6, qty=2))
    assert closed.limit_price == "-1.60"
    quote(venue, **{call(100): ("2.40", "2.50"), call(105): ("0.70", "0.80")})
    asked = requests.GetOrdersRequest(status=QueryOrderStatus.CLOSED, nested=True)
    last, first = await ask(client.get_orders, asked)
    assert (last.id, last.filled_avg_price, first.id) == (closed.id, "-1.60", opened.id)
    assert len(last.legs) == len(first.legs) == 2
    assert await ask(client.get_all_positions) == []
    fills = await ask(client.get, "/account/activities/FILL")
    assert [each["symbol"] for each in fills] == [call(105), call(100), call(105), call(100)]


WHOLE: dict[str, Any] = {
    "asset_id": "",
    "symbol": "",
    "asset_class": "",
    "notional": None,
    "qty": "1",
    "filled_qty": "0",
    "filled_avg_price": None,
    "order_class": "mleg",
    "order_type": "limit",
    "type": "limit",
    "side": "",
    "time_in_force": "day",
    "limit_price": "1.50",
    "stop_price": None,
    "status": "new",
    "extended_hours": False,
}
LEG: dict[str, Any] = WHOLE | {
    "asset_class": "us_option",
    "order_type": "",
    "type": "",
    "limit_price": None,
    "legs": None,
    "expires_at": "2026-11-20T21:00:00Z",
}
"""As docs.alpaca.markets/reference/getallorders-1 has them in its example of a multi-leg order."""


async def test_the_body_of_an_order_is_as_documented(client: TradingClient) -> None:
    order = await ask(client.submit_order, package(*BULL, limit=1.5))
    told = await ask(client.get, f"/orders/{order.id}?nested=true")
    first, second = told["legs"]
    long = {"symbol": call(100), "side": "buy", "position_intent": "buy_to_open", "ratio_qty": "1"}
    short = {"symbol": call(105), "side": "sell", "position_intent": "sell_to_open", "ratio_qty": "1"}
    for found, expected in ((told, WHOLE), (first, LEG | long), (second, LEG | short)):
        assert {name: found[name] for name in expected if name != "asset_id"} == {
            name: value for name, value in expected.items() if name != "asset_id"
        }
    assert told["asset_id"] == ""
    assert first["asset_id"] != second["asset_id"]


async def test_an_iron_condor_needs_its_wider_wing(client: TradingClient) -> None:
    status, code, message = await refusal(client.submit_order, package(*CONDOR, limit=-1.2, qty=2))
    assert (status, code) == (403, 40310000)
    assert message == "insufficient options buying power (required: 760.00, available: 600.00)"
    taken = await ask(client.submit_order, package(*CONDOR, limit=-1.2))
    assert (await ask(client.get_account)).options_buying_power == "220.00"
    await ask(client.cancel_order_by_id, taken.id)
    assert (await ask(client.get_account)).options_buying_power == "600.00"
    canceled = await ask(client.get_order_by_id, taken.id, requests.GetOrderByIdRequest(nested=True))
    assert {each.status for each in (canceled, *canceled.legs)} == {OrderStatus.CANCELED}


async def test_what_options_do_not_have_is_refused(client: TradingClient) -> None:
    sale = single(call(105), OrderSide.SELL, 1.0)
    status, code, message = await refusal(client.submit_order, sale)
    assert (status, code) == (403, 40310000)
    assert "uncovered option" in message
    order = await ask(client.submit_order, package(*BULL, limit=1.5))
    change = requests.ReplaceOrderRequest(limit_price=1.6)
    assert (await refusal(client.replace_order_by_id, order.id, change))[:2] == (422, 42210000)
    wrong = package(BULL[0], BACK[1], limit=1.5)
    assert "position intent mismatch" in (await refusal(client.submit_order, wrong))[2]
    old = await ask(client.submit_order, single(call(105), OrderSide.BUY, 0.5))
    new = await ask(client.replace_order_by_id, old.id, requests.ReplaceOrderRequest(limit_price=0.6))
    assert (new.replaces, new.limit_price, new.position_intent) == (
        old.id,
        "0.60",
        PositionIntent.BUY_TO_OPEN,
    )
    resting = single(call(100), OrderSide.BUY, 1.0)
    resting.time_in_force = TimeInForce.IOC
    message = "options orders must be day or gtc orders, found ioc"
    assert (await refusal(client.submit_order, resting))[2] == message


async def test_a_holder_exercises(venue: SmallVenue, client: TradingClient) -> None:
    other = TradingClient("KEY-2", SECRET, url_override=venue.url)
    for each in (client, other):
        await ask(each.submit_order, single(call(100), OrderSide.BUY, 2.0))
    quote(venue, **{call(100): ("1.90", "2.00")})
    contract_id = (await ask(other.get_option_contract, call(100))).id
    assert await ask(other.exercise_options_position, contract_id) is None
    (shares,) = await ask(other.get_all_positions)
    assert (shares.symbol, shares.qty, shares.avg_entry_price) == ("ALFA", "100", "100.00")
    path = "/account/activities?category=non_trade_activity"
    assert [each["activity_type"] for each in await ask(other.get, path)] == ["OPTRD", "OPEXC"]
    gone = await refusal(other.exercise_options_position, call(100))
    assert gone == (403, 40310000, "no available position for the specified contract")
    assert (await refusal(other.exercise_options_position, "ALFA"))[:2] == (422, 42210000)
    declined = await refusal(other.post, f"/positions/{call(100)}/do-not-exercise")
    assert declined[:2] == (422, 42210000)
    assert "not supported by this venue yet: POST /v2/positions/" in declined[2]
    poor = await refusal(client.exercise_options_position, call(100))
    assert poor[:2] == (403, 40310000)
    await ask(other.submit_order, single(call(105), OrderSide.SELL, 0.5))
    quote(venue, **{call(105): ("0.60", "0.70")})
    short = await refusal(other.exercise_options_position, call(105))
    assert short == (403, 40310001, "cannot exercise short position")
    venue.pass_to(CLOSE)
    status, code, message = await refusal(client.exercise_options_position, call(100))
    assert (status, code) == (422, 42210000)
    assert "from midnight on" in message


async def test_the_end_of_options(venue: SmallVenue, client: TradingClient) -> None:
    other = TradingClient("KEY-2", SECRET, url_override=venue.url)
    for each in (client, other):
        await ask(each.submit_order, single(call(100), OrderSide.BUY, 2.0))
        await ask(each.submit_order, single(put(95), OrderSide.BUY, 1.0))
    quote(venue, **{call(100): ("1.90", "2.00"), put(95): ("0.90", "1.00")})
    venue.bar(104)
    venue.pass_to(CLOSE)
    path = "/account/activities?category=non_trade_activity"
    poor, rich = [{each["activity_type"]: each for each in await ask(at.get, path)} for at in (client, other)]
    assert sorted(poor) == ["OPCSH", "OPEXC", "OPEXP"]
    assert (poor["OPEXP"]["symbol"], poor["OPEXP"]["qty"]) == (put(95), "-1")
    assert poor["OPCSH"]["net_amount"] == "400.00"
    assert sorted(rich) == ["OPEXC", "OPEXP", "OPTRD"]
    traded = rich["OPTRD"]
    assert (traded["symbol"], traded["qty"], traded["price"]) == ("ALFA", "100", "100.00")
    assert traded["net_amount"] == "-10000.00"
    assert await ask(client.get_all_positions) == []
    assert (await ask(client.get_account)).cash == "700.00"
    (shares,) = await ask(other.get_all_positions)
    assert (shares.symbol, shares.qty, shares.avg_entry_price) == ("ALFA", "100", "100.00")
