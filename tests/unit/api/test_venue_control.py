"""The control port over a real socket: what it lets whom plan, and what it says has happened."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from agenttrader.api.venue_control import create_control_app
from agenttrader.app.fault_kinds import LostAnswer, When
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Ended, Faults
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar
from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.alpaca_trading import decode_new_order
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.serving import serving

SETTINGS = Settings(
    start=Instant(0),
    listings=(Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name="a", cash=Decimal(100_000), shorting=False),),
    sessions=(Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE)),),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal(8)),
    market_reserve_percent=3,
)
ORDER = {"symbol": "ABC", "qty": 10, "side": "buy", "type": "limit", "limit_price": 100}
TOKEN = "a token of 256 bits"
LOST = {"fault": "lost_answer", "when": "after", "only": ["POST /v2/orders"], "per_mille": 1000, "times": 2}


class MemoryLog:
    """A log of one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class Control:
    """The port, who holds its token, and the venue behind it."""

    def __init__(self, address: str, faults: Faults, desk: Desk, session: aiohttp.ClientSession) -> None:
        self.faults = faults
        self.desk = desk
        self._url = f"http://{address}"
        self._session = session

    async def ask(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    faults = Faults(7, 0, [LostAnswer(only=("DELETE",), per_mille=20, times="always", when=When.BEFORE)])
    desk = Desk(SETTINGS, MemoryLog())
    app = create_control_app(faults, BookFaults(desk, faults), hashlib.sha256(TOKEN.encode()).hexdigest())
    async with serving(app) as address, aiohttp.ClientSession() as session:
        yield Control(address, faults, desk, session)


async def test_what_is_planned_is_listed_added_to_and_withdrawn(control: Control) -> None:
    status, found = await control.ask("GET", "/v1/faults")
    assert (status, found["seed"], len(found["planned"])) == (200, 7, 1)
    status, planned = await control.ask("POST", "/v1/faults", LOST)
    assert status == 201
    assert planned == {"number": 2, "fault": LOST, "seen": 0, "struck": 0}
    assert [each["number"] for each in (await control.ask("GET", "/v1/faults"))[1]["planned"]] == [1, 2]
    assert await control.ask("DELETE", "/v1/faults/2") == (200, planned)
    status, withdrawn = await control.ask("DELETE", "/v1/faults")
    assert (status, [each["number"] for each in withdrawn["withdrawn"]]) == (200, [1])
    assert control.faults.planned() == []


async def test_what_has_struck_is_told_from_where_one_asks(control: Control) -> None:
    await control.ask("POST", "/v1/faults", LOST)
    for _ in range(3):
        control.faults.of_request("POST /v2/orders", ("KEY",))
    _, found = await control.ask("GET", "/v1/struck")
    assert found["struck"] == [
        {"number": number, "planned": 2, "fault": "lost_answer", "subject": "POST /v2/orders"}
        for number in (1, 2)
    ]
    assert (await control.ask("GET", "/v1/struck?after=1"))[1]["struck"] == found["struck"][1:]


async def test_a_restart_is_noted_and_ends_the_process(control: Control) -> None:
    status, noted = await control.ask("POST", "/v1/restart", {"reason": "a drill at noon"})
    assert (status, noted["fault"], noted["subject"]) == (202, "restart", "a drill at noon")
    with pytest.raises(Ended):
        await control.faults.until_ended()


async def test_an_order_is_rejected_and_a_fill_corrected_and_busted_at_once(control: Control) -> None:
    desk = control.desk
    new = decode_new_order(msgspec.json.encode(ORDER | {"time_in_force": "day"}))
    rejected, filled = desk.submit("a", new), desk.submit("a", new)
    status, struck = await control.ask("POST", "/v1/reject", {"order_id": rejected.id, "message": "no"})
    assert (status, struck["fault"], struck["subject"]) == (200, "rejected_order", rejected.id)
    desk.hear(
        Bar(
            symbol=Symbol("ABC"),
            start=Instant(0),
            interval=MINUTE,
            open=Decimal(99),
            high=Decimal(99),
            low=Decimal(99),
            close=Decimal(99),
            volume=Decimal(100_000),
        )
    )
    execution = desk.exchange.books.orders[filled.id].execution
    assert execution is not None
    price = {"execution_id": execution.id, "price": "98.50"}
    assert (await control.ask("POST", "/v1/correct", price))[0] == 200
    assert desk.account("a").cash == Decimal(100_000) - 985
    corrected = desk.exchange.books.orders[filled.id].execution
    assert corrected is not None
    assert (await control.ask("POST", "/v1/bust", {"execution_id": corrected.id}))[0] == 200
    assert desk.account("a").cash == Decimal(100_000)
    faults = [struck["fault"] for struck in (await control.ask("GET", "/v1/struck"))[1]["struck"]]
    assert faults == ["rejected_order", "corrected_fill", "busted_fill"]


@pytest.mark.parametrize(
    ("method", "path"),
    (
        ("GET", "/v1/faults"),
        ("POST", "/v1/faults"),
        ("DELETE", "/v1/faults"),
        ("DELETE", "/v1/faults/1"),
        ("GET", "/v1/struck"),
        ("POST", "/v1/restart"),
        ("POST", "/v1/reject"),
        ("POST", "/v1/bust"),
        ("POST", "/v1/correct"),
    ),
)
async def test_without_the_token_nothing_is_told_or_done(control: Control, method: str, path: str) -> None:
    for token in ("another", ""):
        status, error = await control.ask(method, path, LOST, token=token)
        assert (status, error["code"]) == (401, "not_permitted")
    assert len(control.faults.planned()) == 1
    assert control.faults.struck() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    (
        ("POST", "/v1/faults", {**LOST, "per_mille": 0}, (422, "bad_value")),
        ("POST", "/v1/faults", {**LOST, "fault": "earthquake"}, (422, "bad_value")),
        ("POST", "/v1/faults", {**LOST, "forever": True}, (422, "bad_value")),
        ("POST", "/v1/restart", {}, (422, "bad_value")),
        ("POST", "/v1/bust", {"execution_id": "none"}, (404, "refused")),
        ("POST", "/v1/reject", {"order_id": "none", "message": "no"}, (404, "refused")),
        ("POST", "/v1/correct", {"execution_id": "none", "price": "1"}, (404, "refused")),
        ("POST", "/v1/correct", {"execution_id": "none", "price": "dear"}, (422, "bad_value")),
        ("GET", "/v1/struck?after=soon", None, (422, "bad_value")),
        ("DELETE", "/v1/faults/9", None, (404, "not_planned")),
        ("GET", "/v1/earthquakes", None, (404, "http")),
        ("PUT", "/v1/faults", None, (405, "http")),
    ),
)
async def test_what_cannot_be_is_refused_in_words(
    control: Control, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    status, error = await control.ask(method, path, body)
    assert (status, error["code"]) == expected
    assert error["message"]
    assert len(control.faults.planned()) == 1
