"""The gateway as alpaca-py's own clients meet it, in the middle of a day: real processes, real sockets.

Venue, market data and gateway are processes of their own. The test is the one whom the market waits for, so
each bar is let go by it and the day stands still while a client is asked.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.stream import TradingStream

from agenttrader.app.gateway.status import ReconcileBody
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.protocols.native import Snapshot, TradingBody
from agenttrader.protocols.person_bodies import EmptyBody, ReasonBody
from agenttrader.testing.played_day import PATIENCE_SECONDS, PlayedDay, playing, without

BOT, OTHER = "scripted-bot", "another-bot"

T = TypeVar("T")

pytestmark = pytest.mark.timeout(120)


def two_bots(tables: dict[str, Any]) -> None:
    """Two bots beside the template's agents, each with a symbol that was another's."""
    *_, other, symbol = tables["instruments"]
    without(tables, Symbol(symbol), Symbol(other))
    limits = next(iter(tables["limits"]["agent"].values()))
    for name, owned in ((BOT, symbol), (OTHER, other)):
        tables["agents"][name] = tables["agents"]["visitor"] | {"symbols": [owned]}
        tables["limits"]["agent"][name] = limits
    tables["agents"][BOT]["exit_plan"] = {"stop": "0.05", "target": "0.08"}
    tables["agents"][BOT]["dedupe_window_seconds"] = 3600


class Play(PlayedDay):
    """A day with two bots, and alpaca-py's clients of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, two_bots)
        self.symbol, self.other_symbol = (
            self.configuration.agents[AgentName(name)].symbols[0] for name in (BOT, OTHER)
        )

    # Clients that nobody here wrote.

    def client(self, agent: str = BOT) -> TradingClient:
        return TradingClient(agent, self.key_of(agent), url_override=self.address("gateway"))

    def at_venue(self) -> TradingClient:
        """The account at the broker, as only the gateway may see it in earnest."""
        account = self.configuration.venue.accounts[0]
        return TradingClient(account.key_id, self.secret, url_override=self.address("venue"))

    @contextlib.asynccontextmanager
    async def told(self, agent: str = BOT) -> AsyncIterator[list[models.TradeUpdate]]:
        """What alpaca-py's TradingStream is told from now on."""
        updates: list[models.TradeUpdate] = []

        async def take(update: models.TradeUpdate) -> None:
            updates.append(update)

        address = self.address("gateway")
        assert address is not None
        stream = TradingStream(
            agent, self.key_of(agent), url_override=f"{address.replace('http', 'ws')}/stream"
        )
        stream.subscribe_trade_updates(take)
        running = asyncio.create_task(stream._run_forever())  # type: ignore[no-untyped-call]
        await self.until(lambda: stream._running)
        try:
            yield updates
        finally:
            await stream.stop_ws()
            await stream.close()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(Play(tmp_path)) as made:
        yield made


async def call(function: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.to_thread(function, *arguments)


async def refused(function: Callable[..., Any], *arguments: Any) -> APIError:
    with pytest.raises(APIError) as found:
        await call(function, *arguments)
    return found.value


def market(symbol: str, name: str | None, side: OrderSide = OrderSide.BUY, **more: Any) -> Any:
    return requests.MarketOrderRequest(
        symbol=symbol, qty=10, side=side, time_in_force=TimeInForce.DAY, client_order_id=name, **more
    )


def words(updates: list[models.TradeUpdate]) -> list[tuple[str, str]]:
    return [(str(getattr(each.event, "value", each.event)), str(each.order.type.value)) for each in updates]  # type: ignore[union-attr]


async def test_a_bots_day_behind_the_gateway(play: Play) -> None:
    client, other = play.client(), play.client(OTHER)
    await play.bar()

    # Halted: denied, with a message that says what to do.
    denied = await refused(client.submit_order, market(play.symbol, "first"))
    assert (denied.status_code, denied.code) == (403, 40310000)
    assert denied.message.startswith("denied by trading_state: Trading is halted")
    assert "A person settles the reasons, then opens or resumes a window." in denied.message
    account = await call(client.get_account)
    assert isinstance(account, models.TradeAccount)
    assert account.trading_blocked is True

    # Within the window: accepted, once however often it is sent, and filled on the next bar.
    await play.open_window()
    async with play.told() as updates, play.told(OTHER) as others:
        first = await call(client.submit_order, market(play.symbol, "first"))
        assert isinstance(first, models.Order)
        assert (first.status, first.client_order_id, first.order_class) == (
            *(OrderStatus.NEW, "first", OrderClass.BRACKET),
        )
        again = await call(client.submit_order, market(play.symbol, "first"))
        assert again == first
        assert (await call(client.get_account)).trading_blocked is False  # type: ignore[union-attr]
        await play.bar()
        await play.until(lambda: len(updates) == 4)
        assert words(updates) == [("new", "market"), ("fill", "market"), ("new", "stop"), ("new", "limit")]
        assert (updates[1].qty, updates[1].position_qty) == (10, 10)
        assert others == []

        # In the book, at the venue and in this client's own view it is the same one order.
        await assert_the_book_has(play, first, updates[1])

        # Another agent sees nothing of it, and has orders of its own.
        assert await call(other.get_orders) == await call(other.get_all_positions) == []
        for hidden in (
            await refused(other.get_order_by_id, first.id),
            await refused(other.get_order_by_client_id, "first"),
            await refused(other.cancel_order_by_id, first.id),
            await refused(other.close_position, play.symbol),
        ):
            assert (hidden.status_code, hidden.code) == (404, 40410000)
        bare = await refused(other.submit_order, market(play.other_symbol, "first"))
        assert (bare.status_code, bare.code) == (422, 42210000)
        assert bare.message.startswith("denied by exit_plan: ")
        owned = await refused(other.submit_order, market(play.symbol, "theirs"))
        assert owned.message.startswith("denied by ownership: ")

        # A resting order is canceled; the position is closed, its protection first.
        await rest_and_cancel(play, client)
        closing = await call(client.close_position, play.symbol)
        assert isinstance(closing, models.Order)
        assert (closing.side, closing.qty) == (OrderSide.SELL, "10")
        await play.bar()
        await play.bar()
        await play.until(lambda: words(updates)[-1] == ("fill", "market"))
        assert updates[-1].position_qty == 0
        assert others == []
    gone = await refused(client.get_open_position, play.symbol)
    assert (gone.status_code, gone.code) == (404, 40410000)
    compared = await play.say("/v1/reconcile", EmptyBody(), ReconcileBody)
    assert (compared.breaks, compared.failure) == ((), "")

    # The window is closed in mid-day: denied again.
    await play.say("/v1/windows/close", ReasonBody("enough"), TradingBody)
    assert (await refused(client.submit_order, market(play.symbol, "late"))).code == 40310000


async def assert_the_book_has(play: Play, first: models.Order, fill: models.TradeUpdate) -> None:
    client = play.client()
    book = await play.ask("/v1/snapshot", Snapshot)
    (ours,) = [order for order in book.orders if order.id == str(first.id)]
    assert (ours.state, ours.filled_quantity, ours.agent) == ("filled", Decimal(10), BOT)
    assert ours.average_price == Decimal(str(fill.price))
    (position,) = book.positions
    assert (position.symbol, position.quantity, position.protected_quantity) == (
        *(play.symbol, Decimal(10), Decimal(10)),
    )
    (held,) = await call(client.get_all_positions)
    assert isinstance(held, models.Position)
    assert (held.symbol, held.qty, held.qty_available) == (play.symbol, "10", "0")
    assert await call(client.get_open_position, held.asset_id) == held
    everything = requests.GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True)
    (mine,) = await call(client.get_orders, everything)
    assert isinstance(mine, models.Order)
    assert (mine.id, mine.status, len(mine.legs or ())) == (first.id, OrderStatus.FILLED, 2)
    by_id = await call(client.get_order_by_id, first.id)
    by_name = await call(client.get_order_by_client_id, "first")
    assert isinstance(by_id, models.Order)
    assert isinstance(by_name, models.Order)
    assert by_id.id == by_name.id == first.id
    (there,) = await call(play.at_venue().get_orders, everything)
    assert isinstance(there, models.Order)
    assert (there.symbol, there.qty, there.filled_qty) == (play.symbol, "10", "10")


async def rest_and_cancel(play: Play, client: TradingClient) -> None:
    price = round(play_price(await play.ask("/v1/snapshot", Snapshot)) * Decimal("0.97"), 2)
    resting = requests.LimitOrderRequest(
        symbol=play.symbol,
        qty=5,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=float(price),
        client_order_id="resting",
        order_class=OrderClass.BRACKET,
        take_profit=requests.TakeProfitRequest(limit_price=float(round(price * Decimal("1.1"), 2))),
        stop_loss=requests.StopLossRequest(stop_price=float(round(price * Decimal("0.9"), 2))),
    )
    order = await call(client.submit_order, resting)
    assert isinstance(order, models.Order)
    assert order.status is OrderStatus.NEW
    assert Decimal(str(order.limit_price)) == price
    await call(client.cancel_order_by_id, order.id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (await call(client.get_order_by_id, order.id)).status is not OrderStatus.CANCELED:  # type: ignore[union-attr]
        assert time.monotonic() < deadline, play.logs()
        await asyncio.sleep(0.01)


def play_price(book: Snapshot) -> Decimal:
    (position,) = book.positions
    assert position.mark is not None
    return position.mark


@pytest.mark.parametrize("name", ("first", None))
async def test_sent_again_after_the_gateway_died_it_is_the_same_one_order(
    play: Play, name: str | None
) -> None:
    await play.bar()
    await play.open_window()
    first = await call(play.client().submit_order, market(play.symbol, name))
    assert isinstance(first, models.Order)
    play.kill("gateway")
    play.start("gateway")
    await play.until(lambda: play.address("gateway"))
    await play.bar()
    again = await call(play.client().submit_order, market(play.symbol, name))
    assert isinstance(again, models.Order)
    assert (again.id, again.created_at) == (first.id, first.created_at)
    everything = requests.GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True)
    assert len(await call(play.at_venue().get_orders, everything)) == 1
    new = await refused(play.client().submit_order, market(play.symbol, "second"))
    assert (new.status_code, new.code) == (403, 40310000)
    assert "the gateway started again" in new.message
