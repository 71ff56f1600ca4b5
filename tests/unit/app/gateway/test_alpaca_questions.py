"""Parameters as they come from requests, Python's own spellings too."""

import pytest

from agenttrader.app.gateway.alpaca_questions import Nothing, OrderAsked, OrdersAsked, read, time_of
from agenttrader.model.errors import BadValue
from agenttrader.model.times import from_rfc3339


def test_what_is_not_said_is_as_alpaca_documents_it() -> None:
    assert read([], OrdersAsked) == OrdersAsked(status="open", limit=50, direction="desc", nested=False)
    assert read([], Nothing) == Nothing()


@pytest.mark.parametrize(("text", "meant"), (("True", True), ("true", True), ("False", False)))
def test_a_flag_is_read_as_clients_write_it(text: str, *, meant: bool) -> None:
    assert read([("nested", text)], OrderAsked).nested is meant


@pytest.mark.parametrize(
    ("pairs", "says"),
    (
        ([("page", "2")], "page"),
        ([("limit", "0")], "limit"),
        ([("limit", "501")], "limit"),
        ([("limit", "5.5")], "limit"),
        ([("status", "new")], "status"),
        ([("nested", "perhaps")], "nested"),
        ([("side", "buy"), ("side", "buy")], "side: expected it once, found it twice"),
        ([("side", "null")], "side: expected one of its words, found .null."),
    ),
)
def test_what_cannot_be_is_refused_by_name(pairs: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        read(pairs, OrdersAsked)


def test_times_are_instants_dates_or_not_said() -> None:
    assert time_of(None) is None
    assert time_of("2026-11-20") == from_rfc3339("2026-11-20T00:00:00Z")
    assert time_of("2026-11-20T14:30:00 01:00") == from_rfc3339("2026-11-20T13:30:00Z")
    for text in ("yesterday", "2026-13-45", "0001-01-01"):
        with pytest.raises(BadValue):
            time_of(text)
