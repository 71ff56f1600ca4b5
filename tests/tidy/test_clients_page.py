"""The page for clients says what the face in Alpaca's words does: routes, refusals, statuses and events."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

from agenttrader.api import alpaca
from agenttrader.app.gateway.alpaca_answers import HELD, STATUSES
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_reads import AlpacaReads
from agenttrader.app.gateway.alpaca_refusals import CANNOT_BE, cannot_be, not_found, not_now
from agenttrader.app.gateway.alpaca_requests import REFUSED
from agenttrader.app.gateway.alpaca_updates import _FILL, _PARTIAL, _WORDS
from agenttrader.model.orders import OrderState
from agenttrader.protocols.alpaca_trading import NewOrder

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
UNTOLD = {OrderState.PROPOSED, OrderState.DENIED}
"""No client is ever told of an order in these."""


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"`([\w.]+)`", text))


def test_every_route_is_on_the_page_and_no_other() -> None:
    desk = Mock(AlpacaDesk, reads=Mock(AlpacaReads))
    real = {
        f"{method} {re.sub(':(str|path)', '', path)}"
        for handler in cast("list[Any]", alpaca.alpaca_routes(desk, {}))
        for path in handler.paths
        for method in getattr(handler, "http_methods", {"WS"})
    }
    assert set(re.findall(r"^\| `((?:GET|POST|PATCH|DELETE|WS) [^`]+)` \|", PAGE, re.MULTILINE)) == real


def test_every_field_of_an_order_is_on_the_page() -> None:
    named = {name.partition(".")[0] for name in words(section("What may be asked"))}
    assert set(NewOrder.__struct_fields__) <= named
    (row,) = [row for row in PAGE.splitlines() if row.endswith("| refused by name |") and "`advanced" in row]
    assert {name for name in words(row) if "." not in name} == REFUSED


def test_every_status_and_code_is_on_the_page() -> None:
    rows = set(re.findall(r"^\| (\d{3}) \| (\d{8}) \|", PAGE, re.MULTILINE))
    real = {(str(int(status)), str(code)) for _, status, code in alpaca._ANSWERS}
    real |= {
        (str(int(each.status)), str(each.error.code)) for each in (not_now(""), cannot_be(""), not_found(""))
    }
    assert rows == real | {("413", "41300000"), ("500", str(alpaca.FAILED))}


def test_every_check_that_denies_for_good_is_on_the_page() -> None:
    paragraph = PAGE.partition("These checks deny with 422, all others with 403:")[2].partition("\n\n")[0]
    assert words(paragraph) == CANNOT_BE


def test_every_status_is_on_the_page_with_its_states() -> None:
    real: dict[str, set[str]] = defaultdict(set)
    for state, status in STATUSES.items():
        if state not in UNTOLD:
            real[status].add(state.value)
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section("What is told"), re.MULTILINE)
    assert {status: words(states) for status, states in rows if status != HELD} == real
    assert HELD in dict(rows)


def test_every_event_is_on_the_page() -> None:
    paragraph = section("What is told").partition("The stream tells,")[2].partition("Orders on the stream")[0]
    assert words(paragraph) == {word for word, _ in _WORDS.values()} | {_FILL, _PARTIAL}
