"""Host, account and mode are held together, and an error says whether the request can have arrived."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from agenttrader.adapters.alpaca.allowance import Allowance
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.model.errors import ConfigurationError, Unreachable, Unsent
from agenttrader.model.identifiers import AccountName
from agenttrader.protocols.alpaca_surroundings import Surroundings

Connect = Callable[..., Connection]


async def test_nothing_is_sent_to_an_address_that_does_not_fit(server: Any, connect: Connect) -> None:
    connection = connect(surroundings=Surroundings.PAPER)
    with pytest.raises(ConfigurationError, match=r"the address .* alpaca_paper: expected https://paper-api"):
        await connection.get("v2/account")
    with pytest.raises(Unsent, match="paper-api"):
        await connection.send("POST", "v2/orders", b"{}")
    assert server.requests == []


async def test_an_order_does_not_leave_for_another_account(server: Any, connect: Connect) -> None:
    connection = connect(account=AccountName("SIM-2"))
    with pytest.raises(Unsent, match="expected account SIM-2, found SIM-1, by the broker's word"):
        await connection.send("POST", "v2/orders", b"{}")
    assert [path for _, path, _, _ in server.requests] == ["/v2/account"]
    with pytest.raises(ConfigurationError, match="found SIM-1"):
        await connection.verify()


async def test_an_account_is_looked_at_once_for_each_address_and_after_forgetting(
    server: Any, connect: Connect
) -> None:
    server.answer("POST", "/v2/orders", {})
    connection = connect()
    for _ in range(3):
        await connection.send("POST", "v2/orders", b"{}")
    assert len(server.asked("GET", "/v2/account")) == 1
    connection.forget()
    await connection.send("POST", "v2/orders", b"{}")
    assert len(server.asked("GET", "/v2/account")) == 2


async def test_an_address_is_asked_for_anew_once_nobody_was_there(server: Any, connect: Connect) -> None:
    server.answer("POST", "/v2/orders", {})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        told = [server.url]
        connection = connect(address=lambda: told[-1])
        await connection.send("POST", "v2/orders", b"{}")
        told.append(nobody)
        await connection.send("POST", "v2/orders", b"{}")
        assert len(server.asked("POST", "/v2/orders")) == 2
        connection.forget()
        with pytest.raises(Unsent, match="no connection to"):
            await connection.send("POST", "v2/orders", b"{}")
        told.append(server.url)
        await connection.send("POST", "v2/orders", b"{}")
        assert len(server.asked("POST", "/v2/orders")) == 3


async def test_who_was_there_before_it_was_forgotten_is_asked_again(server: Any, connect: Connect) -> None:
    server.answer("POST", "/v2/orders", {})
    connection = connect()
    asking = asyncio.create_task(connection.verify())
    await asyncio.sleep(0)
    connection.forget()
    await asking
    await connection.send("POST", "v2/orders", b"{}")
    assert len(server.asked("GET", "/v2/account")) == 2


async def test_a_question_goes_where_the_orders_go(server: Any, connect: Connect) -> None:
    server.answer("POST", "/v2/orders", {})
    server.answer("GET", "/v2/positions", [])
    told = [server.url]
    connection = connect(address=lambda: told[-1])
    await connection.send("POST", "v2/orders", b"{}")
    told.append("http://127.0.0.1:1")
    assert (await connection.get("v2/positions")).status == 200


async def test_a_stream_asks_anew_who_is_there(server: Any, connect: Connect) -> None:
    connection = connect()
    await connection.verify()
    server.answer("GET", "/v2/account", {"id": "2", "account_number": "SIM-2", "status": "ACTIVE"})
    with pytest.raises(Unreachable, match="found SIM-2"):
        await connection.stream()
    assert server.asked("GET", "/stream") == []


async def test_the_key_is_shown_to_the_broker_and_to_nobody_else(server: Any, connect: Connect) -> None:
    connection = connect()
    await connection.get("v2/account")
    assert server.headers[0]["APCA-API-KEY-ID"] == "KEY"
    assert server.headers[0]["APCA-API-SECRET-KEY"] == "SECRET"
    assert "SECRET" not in repr(vars(connection))


async def test_nobody_there_is_unsent(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unsent, match="no connection to"):
            await connect(address=lambda: url).get("v2/account")
    with pytest.raises(Unsent, match="is it running"):
        await connect(address=lambda: None).get("v2/account")


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError("the client leaves first")


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize("handler", (hang, reset, half))
async def test_an_answer_that_does_not_come_is_unreachable_and_asked_for_once(
    handler: Any, server: Any, connect: Connect
) -> None:
    connection = connect(answer_seconds=0.2)
    await connection.verify()
    server.handle("POST", "/v2/orders", handler)
    departed = asyncio.Event()
    with pytest.raises(Unreachable) as caught:
        await connection.send("POST", "v2/orders", b"{}", departed)
    assert not isinstance(caught.value, Unsent)
    assert departed.is_set()
    assert [verb for verb, *_ in server.requests] == ["GET", "POST"]


async def test_an_order_is_not_sent_after_a_redirect(server: Any, connect: Connect) -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{server.url}/elsewhere")

    server.handle("POST", "/v2/orders", elsewhere)
    with pytest.raises(Unreachable, match="redirects"):
        await connect().send("POST", "v2/orders", b"{}")
    assert [path for _, path, _, _ in server.requests] == ["/v2/account", "/v2/orders"]


async def test_a_verification_that_gets_no_answer_means_that_the_order_did_not_leave(
    server: Any, connect: Connect
) -> None:
    server.answer("GET", "/v2/account", "", status=503)
    with pytest.raises(Unsent, match="503"):
        await connect().send("POST", "v2/orders", b"{}")
    assert server.posted() == []


async def test_departure_is_told_when_the_bytes_leave_and_not_before(server: Any, connect: Connect) -> None:
    connection = connect()
    await connection.verify()
    departed = asyncio.Event()
    seen: list[bool] = []

    async def look(_: web.Request) -> web.StreamResponse:
        seen.append(departed.is_set())
        return web.Response()

    server.handle("POST", "/v2/orders", look)
    await connection.send("POST", "v2/orders", b"{}", departed)
    assert seen == [True]
    refused = asyncio.Event()
    with pytest.raises(Unsent):
        await connect(address=lambda: None).send("POST", "v2/orders", b"{}", refused)
    assert not refused.is_set()


async def test_a_question_waits_for_its_turn_and_is_told_where_that_does_not_come(
    connect: Connect, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of it arrives meanwhile; what is told in an answer's headers counts."""
    elapsed = [0.0]
    allowance = Allowance(10, lambda: elapsed[0])
    connection = connect(allowance=allowance)

    async def limited(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=429, headers={"Retry-After": "30"})

    server.handle("GET", "/v2/positions", limited)
    assert (await connection.get("v2/positions")).status == 429
    asking = asyncio.create_task(connection.get("v2/clock"))
    await asyncio.sleep(0.02)
    assert server.asked("GET", "/v2/clock") == []
    elapsed[0] = 30.0
    assert (await asking).status == 200
    monkeypatch.setattr("agenttrader.adapters.alpaca.connection.TURN_SECONDS_MAX", 0)
    await connection.get("v2/positions")
    with pytest.raises(Unsent, match="rate limit has left no room"):
        await connection.get("v2/clock")
