import json
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.app.deciding.facts import FILE_BYTES_MAX, Stated, read_facts
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.times import from_rfc3339

TIME = "2026-11-20T14:31:00Z"
MARK = {"price": "100.5", "time": TIME, "status": "trading", "source": "iex"}


def content(**changes: Any) -> bytes:
    return json.dumps({"marks": {"ALFA": MARK}} | changes).encode()


def test_marks_and_buying_power_are_read_with_their_times() -> None:
    facts = read_facts(content(buying_power={"amount": 1000, "time": TIME}))
    assert facts.marks == {
        Symbol("ALFA"): Mark(price=Decimal("100.5"), time=from_rfc3339(TIME), source="iex")
    }
    assert facts.statuses == {Symbol("ALFA"): TradingStatus.TRADING}
    assert facts.buying_power == Stated(Decimal(1000), from_rfc3339(TIME))
    assert facts.newest == from_rfc3339(TIME)
    assert read_facts(b'{"marks":{}}').newest is None


@pytest.mark.parametrize(
    "text",
    (
        b"",
        b"[]",
        content(more=1),
        *(content(marks={"ALFA": {k: v for k, v in MARK.items() if k != name}}) for name in MARK),
        content(marks={"ALFA": MARK | {"price": "NaN"}}),
        content(marks={"ALFA": MARK | {"status": "maybe"}}),
        content(marks={"ALFA": MARK | {"time": "now"}}),
        content(buying_power={"amount": 1000}),
        b'{"marks":{},"marks":{}}',
        b" " * (FILE_BYTES_MAX + 1),
    ),
)
def test_of_any_other_file_nothing_is_believed(text: bytes) -> None:
    with pytest.raises(BadValue):
        read_facts(text)
