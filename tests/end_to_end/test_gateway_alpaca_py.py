"""The gateway as alpaca-py's own clients meet it, in the middle of a day: real processes, real sockets.

Venue, market data and gateway are processes of their own. The test is the one whom the market waits for, so
each bar is let go by it and the day stands still while a client is asked.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import tomllib
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

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.persons import make_key, public_key_text, sign
from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.demo.operator import Envelope, Nothing, Reason
from agenttrader.app.gateway.desk import ReconcileBody, StatusBody
from agenttrader.model.authority import EVERYTHING, Act, Mode, Statement
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import Unreachable
from agenttrader.model.identifiers import PersonName
from agenttrader.model.market import MarketEvent, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.native import Snapshot, TradingBody

PROGRAM = Path(sys.executable).with_name("agenttrader")
ROLES = ("venue", "marketdata", "gateway")
PATIENCE_SECONDS = 30
PERSON = PersonName("demo")
BOT, OTHER = "scripted-bot", "another-bot"

T = TypeVar("T")

pytestmark = pytest.mark.timeout(120)


class Play:
    """One day in a folder of its own, with two bots, played bar by bar."""

    def __init__(self, folder: Path) -> None:
        tables = tomllib.loads(demo_template())
        *_, self.other_symbol, self.symbol = tables["instruments"]
        self.token, self.secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        """The person's token; what every key of this day is made of."""
        self.key = make_key()
        self._cast(tables)
        self._hide(folder, tables)
        path = folder / "run.toml"
        path.write_text("\n".join(f"{name} = {toml(value)}" for name, value in tables.items()))
        self.configuration: Configuration = load(path, environment={})
        self.folder, self.path = folder, path
        self.announcements = Announcements(self.configuration.path(self.configuration.peers.announcements))
        self.session = read_session(
            self.configuration.environment.calendar, self.configuration.marketdata.date
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.market: Instant | None = None
        self.feed = AlpacaFeed(
            address=self._market_address,
            feed=self.configuration.marketdata.source,
            credential=Credential(key_id="demo-show", secret=Secret(self.secret)),
            symbols=None,
            extended=True,
            since=Instant(self.session.open - MINUTE),
            participant="demo",
        )

    def _cast(self, tables: dict[str, Any]) -> None:
        """Two bots beside the template's agents, each with a symbol that was another's."""
        taken = {self.symbol, self.other_symbol}
        owners = [*tables["agents"].values(), *tables["strategy"]["run"]]
        for owner in owners:
            owner["symbols"] = [symbol for symbol in owner["symbols"] if symbol not in taken]
        limits = next(iter(tables["limits"]["agent"].values()))
        for name, symbol in ((BOT, self.symbol), (OTHER, self.other_symbol)):
            tables["agents"][name] = {"key_sha256": "", "symbols": [symbol], "strategies": []}
            tables["limits"]["agent"][name] = limits
        tables["agents"][BOT]["exit_plan"] = {"stop": "0.05", "target": "0.08"}
        tables["agents"][BOT]["dedupe_window_seconds"] = 3600
        tables["marketdata"] |= {"barrier": ["demo"], "speed": "max"}

    def _hide(self, folder: Path, tables: dict[str, Any]) -> None:
        """Throw-away secrets, in files; an agent's key is its name and the secret."""
        for entry in (*tables["venue"]["accounts"], *tables["marketdata"]["keys"]):
            entry["secret_sha256"] = sha256(self.secret)
        for name, agent in tables["agents"].items():
            agent["key_sha256"] = sha256(self.key_of(name))
        tables["people"][PERSON] |= {
            "public_key": public_key_text(self.key.public_key()),
            "token_sha256": sha256(self.token),
        }
        (folder / "secrets").mkdir()
        for credentials in tables["credentials"].values():
            for found in credentials.values():
                (folder / found.get("secret", found)["file"]).write_text(self.secret)
        (folder / tables["switches"]["file"]).write_text("1\n")

    def key_of(self, agent: str) -> str:
        return f"{agent}-{self.secret}"

    # Processes.

    def start(self, role: str) -> None:
        known = ("PATH", "HOME", "PYTHONPATH")
        with (self.folder / f"{role}.log").open("ab") as log:
            self.processes[role] = subprocess.Popen(
                [PROGRAM, "run", role, "--config", self.path, "--lifeline"],
                env={name: os.environ[name] for name in known if name in os.environ},
                stdin=subprocess.PIPE,
                stderr=log,
            )

    def kill(self, role: str) -> None:
        process = self.processes[role]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            process.wait(timeout=PATIENCE_SECONDS)
            if process.stdin is not None:
                process.stdin.close()

    def logs(self) -> str:
        return "\n".join(file.read_text()[-2_000:] for file in self.folder.glob("*.log"))

    async def until(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.logs()
            for process in self.processes.values():
                assert process.poll() is None, self.logs()
            await asyncio.sleep(0.01)

    def address(self, role: str) -> str | None:
        found = self.announcements.get(role)
        return None if found is None else found.url

    async def _market_address(self) -> str:
        return (await self.announcements.find("marketdata", PATIENCE_SECONDS)).url

    # The market.

    def hear(self, event: MarketEvent) -> None:
        if isinstance(event, Watermark):
            self.market = max(event.time, self.market or event.time)

    async def settled(self) -> None:
        """The gateway has compared its book, and has dealt with all that the market has told."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._has_settled():
            assert time.monotonic() < deadline, self.logs()
            await asyncio.sleep(0.01)

    async def _has_settled(self) -> bool:
        try:
            await self.ask("/readyz", dict[str, Any])
        except Unreachable:
            return False
        told = (await self.ask("/v1/status", StatusBody)).watermark
        return told is not None and self.market is not None and from_rfc3339(told) >= self.market

    async def bar(self) -> None:
        """Let one bar go, and wait until all have dealt with it."""
        before = self.market
        assert before is not None
        await self.feed.settled(before)
        await self.until(lambda: self.market != before)
        await self.settled()

    # The person.

    async def ask(self, path: str, answer: type[T]) -> T:
        async with OperatorClient(lambda: self.address("gateway"), Secret(self.token)) as person:
            return await person.get(path, answer)

    async def say(self, path: str, body: Any, answer: type[T]) -> T:
        async with OperatorClient(lambda: self.address("gateway"), Secret(self.token)) as person:
            return await person.post(path, body, answer)

    async def open_window(self) -> None:
        status = await self.ask("/v1/status", StatusBody)
        statement = Statement(
            act=Act.OPEN_WINDOW,
            account=status.account,
            epoch=status.epoch,
            configuration=status.configuration,
            mode=Mode.PAPER,
            scope=EVERYTHING,
            start=self.session.open,
            end=Instant(self.session.close + MINUTE),
            reason="a day of its own",
            person=PERSON,
            nonce=secrets.token_hex(16),
            issued_at=Instant(time.time_ns()),
        )
        opened = await self.say("/v1/windows", Envelope(sign(statement, self.key)), TradingBody)
        assert opened.state == "active", opened.reasons

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
    made = Play(tmp_path)
    for role in ROLES:
        made.start(role)
    following: asyncio.Task[None] | None = None
    try:
        await made.until(lambda: made.address("gateway") and made.address("marketdata"))
        following = asyncio.create_task(made.feed.follow(made.hear, lambda _up, _reason: None))
        await made.until(lambda: made.market is not None)
        await made.settled()
        yield made
    finally:
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        made.stop()


def toml(value: Any) -> str:
    """The value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
    compared = await play.say("/v1/reconcile", Nothing(), ReconcileBody)
    assert (compared.breaks, compared.failure) == ((), "")

    # The window is closed in mid-day: denied again.
    await play.say("/v1/windows/close", Reason("enough"), TradingBody)
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
