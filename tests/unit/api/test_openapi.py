"""The documents say what is really there: every route, and no other; and they are reached without a key."""

from typing import Any, cast
from unittest.mock import MagicMock

import msgspec
import pytest
from litestar import Litestar

from agenttrader.api.alpaca import create_alpaca_app
from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.api.openapi import Face, describe, with_descriptions
from agenttrader.api.operations import ALPACA, FACES, NATIVE
from agenttrader.api.probes import nothing_else

DESK = cast("Any", MagicMock())
APPS = {
    NATIVE.title: lambda: create_gateway_app(DESK, Keys({}, {})),
    ALPACA.title: lambda: create_alpaca_app(DESK, {}),
}


def of_both(faces: tuple[Face, ...] = FACES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("face", faces, ids=[face.address for face in faces])


@of_both()
def test_every_route_is_described_and_no_other(face: Face) -> None:
    app = cast("Litestar", APPS[face.title]())
    real = {
        f"{method} {route.path_format}"
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"
    }
    assert {f"{each.method} {each.path}" for each in face.operations} == real


@of_both()
def test_a_document_refers_to_nothing_that_it_does_not_hold(face: Face) -> None:
    document = describe(face)
    text = msgspec.json.encode(document).decode()
    named = {found.partition('"')[0] for found in text.split('"$ref":"#/components/schemas/')[1:]}
    assert named == set(document["components"]["schemas"])
    assert document["security"] == [{name: [] for name in face.security}]


def test_what_an_order_must_have_may_be_and_is_called() -> None:
    order = describe(ALPACA)["components"]["schemas"]["NewOrder"]
    assert order["required"] == ["type", "time_in_force"]
    assert order["additionalProperties"] is False
    assert "trailing_stop" in order["properties"]["type"]["enum"]
    number = {"type": ["string", "number"], "format": "decimal"}
    assert order["properties"]["qty"]["anyOf"] == [number, {"type": "null"}]


def test_parameters_are_described_without_null_and_with_their_bounds() -> None:
    parameters = {each["name"]: each for each in describe(ALPACA)["paths"]["/v2/orders"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    assert parameters["after"]["schema"] == {"type": "string"}
    asked = describe(ALPACA)["paths"]["/v2/orders:by_client_order_id"]["get"]["parameters"]
    assert [(each["name"], each["required"]) for each in asked] == [("client_order_id", True)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    (
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/v2/openapi.json", 200),
        ("POST", "/v2/openapi.json", 404),
        ("GET", "/v3/openapi.json", 404),
    ),
)
async def test_it_stands_at_its_address_and_all_else_goes_on(method: str, path: str, status: int) -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read of it")

    app = with_descriptions(nothing_else, FACES)
    await app({"type": "http", "method": method, "path": path}, receive, send)
    assert said[0]["status"] == status
    if status == 200:
        assert msgspec.json.decode(said[1]["body"])["openapi"] == "3.1.0"
