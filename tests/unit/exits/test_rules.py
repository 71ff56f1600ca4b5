from decimal import Decimal
from typing import Any

import pytest

from agenttrader.exits.rules import Held, leave
from agenttrader.model.orders import ExitPlan, Side
from agenttrader.model.times import SECOND, Instant

D = Decimal
NOW = Instant(1_000)
PLANNED = ("stop", "target", "trail", "until", "before_close_seconds")


def held(side: Side = Side.BUY, **changes: Any) -> Held:
    """Long at 100 with its best at 100, or short; a plan with nothing but what is asked for."""
    plan = ExitPlan(**{name: changes.pop(name) for name in PLANNED if name in changes})
    values: dict[str, Any] = {
        "side": side,
        "entry_price": D(100),
        "best": D(100),
        "plan": plan,
        "protected": False,
    }
    return Held(**(values | changes))


def rule(
    position: Held, mark: Decimal | None, now: Instant = NOW, close: Instant | None = None
) -> str | None:
    found = leave(position, mark, now, close)
    return None if found is None else found.rule


def mirrored(price: Decimal, side: Side) -> Decimal:
    """What is as good for a short as `price` is for a long, from 100."""
    return price if side is Side.BUY else 200 - price


@pytest.mark.parametrize("side", tuple(Side))
@pytest.mark.parametrize(
    ("plan", "best", "mark", "expected"),
    (
        ({}, "105", "90", None),
        ({"trail": "1"}, "100", "98.99", None),
        ({"trail": "1"}, "100.99", "99", None),
        ({"trail": "1"}, "101", "100.01", None),
        ({"trail": "1"}, "101", "100", "trailing"),
        ({"trail": "1"}, "103", "102", "trailing"),
        ({"trail": "1"}, "103", "102.01", None),
        ({"stop": "99"}, "100", "99.01", None),
        ({"stop": "99"}, "100", "99", "stop"),
        ({"stop": "99"}, "100", "97", "stop"),
        ({"target": "102"}, "102", "101.99", None),
        ({"target": "102"}, "102", "102", "target"),
        ({"target": "102"}, "104", "103", "target"),
        ({"trail": "1", "target": "102"}, "104", "102.5", "trailing"),
        ({"trail": "1", "stop": "101"}, "103", "101", "trailing"),
        ({"trail": "5", "stop": "101"}, "103", "101", "stop"),
    ),
)
def test_the_price_rules_at_their_edges(
    side: Side, plan: dict[str, str], best: str, mark: str, expected: str | None
) -> None:
    prices = {name: D(it) if name == "trail" else mirrored(D(it), side) for name, it in plan.items()}
    position = held(side, best=mirrored(D(best), side), **prices)
    assert rule(position, mirrored(D(mark), side)) == expected


def test_what_rests_at_the_broker_is_left_to_it() -> None:
    assert rule(held(stop=D(99), protected=True), D(90)) is None
    assert rule(held(target=D(101), protected=True), D(110)) is None
    assert rule(held(trail=D(1), best=D(105), protected=True), D(104)) == "trailing"


def test_time_comes_last_and_needs_no_mark() -> None:
    assert rule(held(until=Instant(1_001)), None) is None
    assert rule(held(until=Instant(1_000)), None) == "time"
    assert rule(held(until=Instant(999)), D(100)) == "time"
    assert rule(held(until=NOW, stop=D(99)), D(98)) == "stop"
    assert rule(held(until=NOW, stop=D(99)), None) == "time"


def test_the_sentences_hold_the_numbers() -> None:
    cases = (
        (held(trail=D("0.50"), best=D("101.75")), D("101.20"), ("101.20", "0.55", "101.75", "100", "0.50")),
        (held(stop=D("99.40")), D("99.10"), ("99.10", "99.40")),
        (held(target=D("101.20")), D("101.30"), ("101.30", "101.20")),
        (held(until=Instant(0)), D(100), ("1970-01-01T00:00:00Z",)),
    )
    for position, mark, numbers in cases:
        found = leave(position, mark, NOW, None)
        assert found is not None
        assert all(number in found.sentence for number in numbers), found.sentence


def test_the_session_ends_last_and_only_while_it_trades() -> None:
    close, before = Instant(100 * SECOND), held(before_close_seconds=60)
    assert rule(before, D(100), Instant(40 * SECOND - 1), close) is None
    assert rule(before, D(100), Instant(40 * SECOND), close) == "session"
    assert rule(before, None, Instant(40 * SECOND), close) == "session"
    assert rule(before, D(100), Instant(40 * SECOND), None) is None
    assert rule(held(), D(100), Instant(99 * SECOND), close) is None
    both = held(before_close_seconds=60, until=Instant(1))
    assert rule(both, D(100), Instant(50 * SECOND), close) == "time"
