"""What Alpaca's public pages say that its bodies look like, held against our reading and writing of them.

Each line of `alpaca_bodies.jsonl` names the page of docs.alpaca.markets that gives the fields and their
kinds; the values are ours. Nothing in it was made by our code.
alpaca-py's models judge the bodies themselves.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alpaca.trading import models as trading
from pydantic import TypeAdapter

from agenttrader.protocols import alpaca_trading as rest
from agenttrader.protocols.alpaca_trade_updates import decode_stream, encode_stream

_LINES = (Path(__file__).parent / "alpaca_bodies.jsonl").read_text(encoding="utf-8").splitlines()
BODIES = [json.loads(line) for line in _LINES]

OURS: dict[str, Any] = {
    "order": rest.Order,
    "position": rest.Position,
    "account": rest.Account,
    "clock": rest.Clock,
    "activity": rest.Activity,
    "canceled_orders": list[rest.CanceledOrder],
    "error": rest.ApiError,
}
"""What we read as well as write; what only the venue writes is held to its pages by its own answers."""
NOT_READ = {"account": {"pending_transfer_in", "sma"}}
"""Documented fields that are passed over: nothing of ours goes by them, and the venue has no such thing."""
THEIRS: dict[str, Any] = {
    "order": trading.Order,
    "position": trading.Position,
    "account": trading.TradeAccount,
    "account_configurations": trading.AccountConfiguration,
    "clock": trading.Clock,
    "calendar_day": trading.Calendar,
    "asset": trading.Asset,
    "portfolio_history": trading.PortfolioHistory,
    "announcement": trading.CorporateActionAnnouncement,
}


def bodies(*kinds: str) -> pytest.MarkDecorator:
    found = [body for body in BODIES if body["kind"] in kinds]
    return pytest.mark.parametrize("golden", found, ids=lambda golden: golden["name"])


@bodies(*THEIRS)
def test_alpaca_py_takes_the_body(golden: dict[str, Any]) -> None:
    TypeAdapter(THEIRS[golden["kind"]]).validate_python(golden["body"])


@bodies("stream")
def test_alpaca_py_takes_the_trade_update(golden: dict[str, Any]) -> None:
    if golden["body"]["stream"] == "trade_updates":
        trading.TradeUpdate(**golden["body"]["data"])


@bodies(*OURS)
def test_we_read_all_of_it_and_write_it_the_same(golden: dict[str, Any]) -> None:
    read = rest.decode(json.dumps(golden["body"]), OURS[golden["kind"]])
    assert_same(json.loads(rest.encode(read)), golden["body"], golden["name"])


@bodies("stream")
def test_we_read_the_stream_and_write_it_the_same(golden: dict[str, Any]) -> None:
    message: Any = decode_stream(json.dumps(golden["body"]))
    assert_same(json.loads(encode_stream(message)), golden["body"], golden["name"])


def assert_same(ours: Any, theirs: Any, where: str) -> None:
    """Every documented field is there, of its kind and with its value; of ours there may be more."""
    match theirs:
        case dict():
            assert isinstance(ours, dict), where
            missing = theirs.keys() - ours.keys() - NOT_READ.get(where, set())
            assert not missing, f"{where}: {missing} of the documented fields are not there"
            for name, value in theirs.items():
                if name in NOT_READ.get(where, ()):
                    continue
                assert_same(ours[name], value, f"{where}.{name}")
        case list():
            assert isinstance(ours, list), where
            assert len(ours) == len(theirs), where
            for number, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
                assert_same(mine, its, f"{where}[{number}]")
        case str() if is_number(theirs):
            assert isinstance(ours, str), f"{where}: numbers are text, found {ours!r}"
            assert Decimal(ours) == Decimal(theirs), where
        case _:
            assert type(ours) is type(theirs), f"{where}: expected {theirs!r}, found {ours!r}"
            assert ours == theirs, where


def is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit()


def test_every_body_names_its_page() -> None:
    assert len(BODIES) == len({body["name"] for body in BODIES})
    assert all(body["page"].startswith("docs.alpaca.markets/") for body in BODIES)
