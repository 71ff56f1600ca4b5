from decimal import Decimal

import pytest

from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.overnight import Overnight, judge_close, split_between
from agenttrader.simulation.recording import Recording, Row

FRIDAY = Session(
    date="2014-06-06", open=from_rfc3339("2014-06-06T13:30:00Z"), close=from_rfc3339("2014-06-06T20:00:00Z")
)


def row(minute: int, close: str, volume: int = 1) -> Row[Bar]:
    """A row so many minutes before Friday's close."""
    start = Instant(FRIDAY.close - minute * MINUTE)
    price = Decimal(close)
    bar = Bar(
        symbol=Symbol("XYZ"),
        start=start,
        interval=MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(volume),
    )
    return Row(2, FRIDAY.date, start, bar)


def recording(*rows: Row[Bar]) -> Recording:
    return Recording(
        symbol=Symbol("XYZ"), file="f", quotes_file=None, digest=Digest("d"), trades=rows, quotes=()
    )


EVENING = recording(row(2, "640"), row(1, "645.57"), row(0, "700"), row(-30, "710"))
"""The last two rows come after the close."""


@pytest.mark.parametrize(
    ("first", "rule", "words"),
    (
        ("650", Overnight.TAKEN, "2014-06-06 closed at 645.57"),
        ("520", Overnight.TAKEN, "closed at 645.57"),
        ("92.69", Overnight.SPLIT_BETWEEN, "look like a split of 7:1 between"),
        ("1291.20", Overnight.SPLIT_BETWEEN, "look like a split of 1:2 between"),
        (
            "430.38",
            Overnight.TOO_FAR,
            "645.57 at the close of 2014-06-06 and 430.38 at this open lie too far",
        ),
        ("780", Overnight.TOO_FAR, "that close is not taken over"),
    ),
)
def test_the_close_before_is_judged_by_the_first_price(first: str, rule: Overnight, words: str) -> None:
    found = judge_close(EVENING, FRIDAY, Decimal(first))
    assert (found.rule, found.date, found.found) == (rule, "2014-06-06", Decimal("645.57"))
    assert found.price == (Decimal("645.57") if rule is Overnight.TAKEN else None)
    assert words in found.sentence


def test_a_row_in_which_nothing_was_traded_is_no_close() -> None:
    found = judge_close(recording(row(2, "640"), row(1, "645.57", volume=0)), FRIDAY, Decimal(650))
    assert found.price == Decimal(640)


@pytest.mark.parametrize("rows", ((), (row(0, "700"),)))
def test_a_session_before_that_is_not_recorded_gives_no_close(rows: tuple[Row[Bar], ...]) -> None:
    found = judge_close(recording(*rows), FRIDAY, Decimal(650))
    assert (found.rule, found.date, found.found, found.price) == (
        Overnight.NOT_RECORDED,
        "2014-06-06",
        None,
        None,
    )
    assert "2014-06-06, the session before, is not recorded" in found.sentence


@pytest.mark.parametrize(
    ("close", "first", "split"),
    (
        ("645.57", "92.69", "7:1"),
        ("645.57", "1291.20", "1:2"),
        ("645.57", "430.38", "None"),
        ("92.69", "645.57", "1:7"),
        ("100", "49", "2:1"),
    ),
)
def test_two_prices_may_look_like_a_split(close: str, first: str, split: str) -> None:
    assert str(split_between(Decimal(close), Decimal(first))) == split
