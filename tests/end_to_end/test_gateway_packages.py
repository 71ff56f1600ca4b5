"""Orders of several options from alpaca-py through the gateway to the venue, and all the way back."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading import requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, PositionIntent, TimeInForce
from msgspec.structs import replace

from agenttrader.api.alpaca import create_alpaca_app
from agenttrader.api.venue import create_venue_app
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates, updates_of
from agenttrader.app.gateway.comparing import Comparing
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.gateway.stream import Stream
from agenttrader.app.sections import ExitFractions
from agenttrader.model.events import Accepted, Filled
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Option
from agenttrader.model.market import Bar
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, OrderType
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.rules import Rules
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.listings import option_listing
from agenttrader.simulation.quotes import QuoteSeen
from agenttrader.testing.builders import (
    ACCOUNT,
    ALFA,
    CASH,
    MULTIPLIERS,
    OPEN,
    OTHER_AGENT,
    grant,
    proposal,
    rules,
)
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import bot
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.venue_world import SETTINGS, World, venue_world

T = TypeVar("T")
D = Decimal
CONTRACTS = tuple(
    OptionContract(underlying=ALFA, expiration="2026-11-23", strike=D(strike), right=Right.CALL)
    for strike in (100, 105)
)
LONG, SHORT = (Symbol(contract.symbol) for contract in CONTRACTS)


def options_rules(position_max: int = 50) -> Rules:
    """Those of the tests, and two calls that are the bot's."""
    made = rules()
    options = {
        Symbol(each.symbol): Option(
            symbol=Symbol(each.symbol),
            tick=D("0.01"),
            lot=D(1),
            multiplier=D(100),
            underlying=ALFA,
            expiry=each.expiration,
            strike=each.strike,
            right="call",
        )
        for each in CONTRACTS
    }
    limit = replace(made.limits.symbol[ALFA], position_quantity_max=D(position_max))
    limits = replace(made.limits, symbol=made.limits.symbol | dict.fromkeys(options, limit))
    return replace(
        made,
        limits=limits,
        instruments=made.instruments | options,
        grants=made.grants | {OTHER_AGENT: grant(*options)},
    )


class Floor:
    """The world with options, alpaca-py's client of the gateway, and what its stream would be told."""

    def __init__(self, world: World, client: TradingClient, desk: AlpacaDesk) -> None:
        self.world, self.client, self.desk = world, client, desk
        self._minute = 2

    async def ask(self, function: Callable[..., T], *arguments: Any) -> Any:
        return await asyncio.to_thread(function, *arguments)

    async def submit(self, *legs: requests.OptionLegRequest, limit: float, qty: int = 2, **more: Any) -> Any:
        asked = requests.LimitOrderRequest(
            qty=qty,
            order_class=OrderClass.MLEG,
            time_in_force=TimeInForce.DAY,
            limit_price=limit,
            legs=list(legs),
            **more,
        )
        return await self.ask(self.client.submit_order, asked)

    async def open(self, limit: str, name: str = "bull", units: int = 2) -> Order:
        """The bull spread, proposed below the face, which takes none that opens."""
        asked = proposal(
            1,
            client_order_id=name,
            agent=OTHER_AGENT,
            strategy="",
            legs=(Leg(LONG), Leg(SHORT, -1)),
            quantity=D(units),
            type=OrderType.LIMIT,
            limit_price=D(limit),
            decision_price=D("1.40"),
            exit_plan=ExitPlan(stop=D("0.10"), target=D(4)),
        )
        await self.world.gateway.propose(asked)
        order = self.world.gateway.order(asked.id)
        await self.world.gateway.until(lambda: order.denied_by or order.state is OrderState.ACCEPTED)
        return order

    def quote(self, long: str, short: str) -> None:
        """The bids of both calls, a cent below their asks, to the venue; their middles to the gateway."""
        time = Instant(OPEN + self._minute * MINUTE)
        self._minute += 1
        for symbol, bid in ((LONG, D(long)), (SHORT, D(short))):
            seen = QuoteSeen(
                symbol=symbol, time=time, bid=bid, bid_size=D(10), ask=bid + D("0.01"), ask_size=D(10)
            )
            assert self.world.desk.apply(seen).applied
            prices = dict.fromkeys(("open", "high", "low", "close"), bid)
            start = Instant(time - MINUTE)
            self.world.gateway.hear(Bar(symbol=symbol, start=start, interval=MINUTE, volume=D(10), **prices))

    async def held(self, long: int, short: int) -> None:
        gateway = self.world.gateway
        await gateway.until(lambda: gateway.position(LONG) == long and gateway.position(SHORT) == short)


@pytest.fixture
async def floor() -> AsyncIterator[Floor]:
    options = {
        "listings": (*SETTINGS.listings, *map(option_listing, CONTRACTS)),
        "accounts": (AccountOpening(name=ACCOUNT, cash=CASH, shorting=True, options_level=3),),
    }
    async with venue_world(create_venue_app, options_rules(), **options) as world:
        session = world.gateway.session
        desk = Desk(
            session=session,
            stream=Stream(session),
            comparing=Comparing(
                session, world.gateway.reconciler, asyncio.Event(), 1_000_000, lambda *_: None
            ),
            switches=[world.gateway.switch],
            verify=lambda _: pytest.fail("nobody signs here"),
            answer_wait_seconds=2.0,
        )
        plan = ExitFractions(stop=D("0.5"), target=D("0.9"))
        face = AlpacaDesk(
            desk,
            AlpacaUpdates(session),
            {OTHER_AGENT: bot(LONG, SHORT, exit_plan=plan, dedupe_window_seconds=60)},
        )
        keys = {hashlib.sha256(b"bots-key").hexdigest(): OTHER_AGENT}
        async with serving(create_alpaca_app(face, keys)) as address:
            client = TradingClient(OTHER_AGENT, "bots-key", url_override=f"http://{address}")
            floor = Floor(world, client, face)
            floor.quote("2.00", "0.60")
            await world.gateway.until(lambda: SHORT in session.engine.market.marks)
            yield floor


def leg(symbol: Symbol, intent: PositionIntent, ratio: int = 1) -> requests.OptionLegRequest:
    return requests.OptionLegRequest(symbol=symbol, ratio_qty=ratio, position_intent=intent)


BULL = (leg(LONG, PositionIntent.BUY_TO_OPEN), leg(SHORT, PositionIntent.SELL_TO_OPEN))
BACK = (leg(LONG, PositionIntent.SELL_TO_CLOSE), leg(SHORT, PositionIntent.BUY_TO_CLOSE))


async def test_a_spread_is_held_and_closed_and_the_books_agree(floor: Floor) -> None:
    book, client = floor.world.gateway.session.engine.state.book, floor.client
    opened = await floor.open("1.50")
    assert book.orders.open_notional_total == 2 * D("2.60") * 100, "both legs at their marks"
    await floor.world.agree()  # while it works, each leg is compared
    order = await floor.ask(client.get_order_by_id, opened.id, requests.GetOrderByIdRequest(nested=True))
    assert (order.status, order.order_class, order.symbol) == (OrderStatus.NEW, OrderClass.MLEG, None)
    assert [(each.symbol, each.side, each.qty, each.position_intent) for each in order.legs] == [
        (LONG, OrderSide.BUY, "2", PositionIntent.BUY_TO_OPEN),
        (SHORT, OrderSide.SELL, "2", PositionIntent.SELL_TO_OPEN),
    ]
    floor.quote("1.90", "0.60")
    await floor.held(2, -2)
    await floor.world.agree()
    order = await floor.ask(client.get_order_by_id, opened.id, requests.GetOrderByIdRequest(nested=True))
    assert (order.status, order.filled_qty, order.filled_avg_price) == (OrderStatus.FILLED, "2", "1.31")
    assert [each.filled_avg_price for each in order.legs] == ["1.91", "0.6"]
    assert book.orders.open_notional_total == 0

    back = await floor.submit(*BACK, limit=-1.6, client_order_id="back")
    assert (back.status, back.limit_price) == (OrderStatus.NEW, "-1.60")
    assert await floor.submit(*BACK, limit=-1.6, client_order_id="back") == back, "it is the same order"
    floor.quote("2.40", "0.70")
    await floor.held(0, 0)
    await floor.world.agree()
    last = await floor.ask(client.get_order_by_client_id, "back")
    assert (last.status, last.filled_avg_price) == (OrderStatus.FILLED, "-1.69")


async def test_the_stream_tells_each_legs_fill_and_then_the_wholes(floor: Floor) -> None:
    session, told = floor.world.gateway.session, list[TradeUpdate]()
    session.listeners.append(
        lambda recorded: told.extend(update for _, update in updates_of(recorded, session.engine))
    )
    await floor.open("1.50")
    floor.quote("1.90", "0.60")
    await floor.held(2, -2)
    assert [(each.event, each.order.symbol, each.order.status, each.price, each.qty) for each in told] == [
        ("new", None, "new", None, None),
        ("fill", LONG, "filled", D("1.91"), 2),
        ("fill", SHORT, "filled", D("0.60"), 2),
        ("fill", None, "filled", D("1.31"), 2),
    ]
    assert [each.position_qty for each in told] == [None, 2, -2, None]


async def test_it_is_closed_whole_at_the_market(floor: Floor) -> None:
    await floor.open("1.50")
    floor.quote("1.90", "0.60")
    await floor.held(2, -2)
    asked = requests.MarketOrderRequest(
        qty=2, order_class=OrderClass.MLEG, time_in_force=TimeInForce.DAY, legs=list(BACK)
    )
    await floor.ask(floor.client.submit_order, asked)
    *_, made = floor.world.gateway.session.engine.state.book.orders.by_id.values()
    assert made.effect is Effect.CLOSE
    floor.quote("1.90", "0.60")
    await floor.held(0, 0)
    await floor.world.agree()


async def test_it_is_canceled(floor: Floor) -> None:
    opened = await floor.open("1.00")
    with pytest.raises(APIError, match="an order of several legs is not replaced"):
        await floor.ask(
            floor.client.replace_order_by_id, opened.id, requests.ReplaceOrderRequest(limit_price=1.1)
        )
    await floor.ask(floor.client.cancel_order_by_id, opened.id)
    await floor.world.gateway.until(lambda: opened.state is OrderState.CANCELED)
    await floor.world.agree()
    assert (await floor.ask(floor.client.get_order_by_id, opened.id)).status is OrderStatus.CANCELED


async def test_the_fold_of_the_journal_is_the_state(floor: Floor) -> None:
    await floor.open("1.50")
    floor.quote("1.90", "0.60")
    await floor.held(2, -2)
    gateway = floor.world.gateway
    told = [event for event in gateway.events() if isinstance(event, (Accepted, Filled))]
    assert [part.symbol for part in told[0].package] == [LONG, SHORT]  # type: ignore[union-attr]
    state, _ = fold(gateway.journal, dict(MULTIPLIERS) | dict.fromkeys((LONG, SHORT), D(100)))
    assert dump_state(state) == dump_state(gateway.session.engine.state)


@pytest.mark.parametrize(
    ("limit", "units", "code"),
    (("1.50", 51, "position"), ("1.50", 1_001, "order_quantity"), ("4.00", 1, "price_collar")),
)
async def test_every_leg_has_its_limits(floor: Floor, limit: str, units: int, code: str) -> None:
    assert (await floor.open(limit, units=units)).denied_by == code
    assert floor.world.gateway.session.engine.state.book.orders.open_notional_total == 0


async def test_what_is_not_taken_is_refused_in_words(floor: Floor) -> None:
    before = floor.world.gateway.session.engine.chain.sequence
    for legs, code, says in (
        (BULL, 42210000, "an order of several legs that opens"),
        (
            (leg(LONG, PositionIntent.SELL_TO_CLOSE, 2), leg(SHORT, PositionIntent.BUY_TO_CLOSE, 2)),
            40010001,
            "smallest",
        ),
        ((BULL[0], BACK[1]), 42210000, "legs that open beside legs that close"),
        ((BACK[0], leg(Symbol(ALFA), PositionIntent.BUY_TO_CLOSE)), 40010001, "options alone"),
    ):
        with pytest.raises(APIError) as refused:
            await floor.submit(*legs, limit=1.5)
        assert (refused.value.status_code, refused.value.code) == (422, code)
        assert says in refused.value.message
    assert floor.world.gateway.session.engine.chain.sequence == before
    with pytest.raises(APIError, match="denied by reduces"):
        await floor.submit(*BACK, limit=-1.5)
