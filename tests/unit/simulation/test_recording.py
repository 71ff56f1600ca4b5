import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.overnight import Overnight
from agenttrader.simulation.recording import Recording, RecordingRefused, Row, Rule, in_order, refuse

OPEN = from_rfc3339("2014-06-06T13:30:00Z")
PAGE = Path(__file__).parents[3] / "docs" / "recorded-days.md"


def row(line: int, minute: int, close: int = 100) -> Row[Bar]:
    start = Instant(OPEN + minute * MINUTE)
    price = Decimal(close)
    bar = Bar(
        symbol=Symbol("XYZ"),
        start=start,
        interval=MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
    )
    return Row(line, "2014-06-06", start, bar)


ROWS = [row(2 + minute, minute, 100 + minute) for minute in range(6)]


def test_rows_in_order_need_no_repair() -> None:
    assert in_order(ROWS, "f") == (tuple(ROWS), {})


def test_rows_out_of_order_are_put_into_order_and_counted() -> None:
    shuffled = [ROWS[index] for index in (0, 3, 1, 2, 5, 4)]
    found = in_order(shuffled, "f")
    assert [each.said for each in found.rows] == [each.said for each in ROWS]
    assert found.repaired == {"order": 2}


def test_a_row_that_is_there_twice_is_left_out_and_counted() -> None:
    found = in_order([*ROWS[:3], row(9, 1, 101), row(10, 1, 101), *ROWS[3:]], "f")
    assert [each.said for each in found.rows] == [each.said for each in ROWS]
    assert found.repaired == {"order": 1, "doubled": 2}


def test_two_rows_of_a_minute_that_differ_are_refused_with_their_lines() -> None:
    with pytest.raises(RecordingRefused, match=r"f: refused by rule conflict: .* lines 3 and 9 that differ"):
        in_order([*ROWS, row(9, 1, 77)], "f")


@given(st.permutations(ROWS + ROWS[:4]))
def test_however_rows_are_shuffled_and_doubled_the_same_is_found(rows: list[Row[Bar]]) -> None:
    found = in_order(rows, "f")
    assert [each.said for each in found.rows] == [each.said for each in ROWS]
    assert found.repaired["doubled"] == 4


def test_a_refusal_names_its_place_and_its_rule_and_is_a_bad_value() -> None:
    with pytest.raises(BadValue) as refused:
        refuse(Rule.SPIKE, "SPY_trade.csv.gz, line 7", "expected this, found that")
    assert isinstance(refused.value, RecordingRefused)
    assert refused.value.rule is Rule.SPIKE
    assert str(refused.value) == "SPY_trade.csv.gz, line 7: refused by rule spike: expected this, found that"


def test_the_dates_of_a_recording_are_those_of_its_trades_in_order() -> None:
    later = ROWS[0]._replace(date="2014-06-09")
    recording = Recording(
        symbol=Symbol("XYZ"),
        file="f",
        quotes_file=None,
        digest=Digest("d"),
        trades=(later, *ROWS),
        quotes=(),
    )
    assert recording.dates == ("2014-06-06", "2014-06-09")


def test_the_page_lists_every_rule_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted([*(rule.value for rule in Rule), *(rule.value for rule in Overnight)])
