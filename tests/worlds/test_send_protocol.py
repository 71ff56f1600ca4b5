"""The model of the send protocol: no history breaks a promise, and without any one rule some history does."""

from functools import cache
from pathlib import Path

import pytest

from agenttrader.testing.send_protocol.explore import Found, explore
from agenttrader.testing.send_protocol.rules import ALL, Promise, Rule

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
WITHOUT_MAX = 6_000
"""Worlds that are looked at without a rule: there may be millions, and the short histories come first."""


@cache
def without(rule: Rule) -> Found:
    return explore(ALL - {rule}, WITHOUT_MAX)


def test_no_history_breaks_a_promise() -> None:
    found = explore(ALL, 100_000)
    assert found.is_all
    assert found.worlds > 8_000
    assert found.faults == {}


@pytest.mark.parametrize("rule", Rule)
def test_without_a_rule_there_is_a_fault_and_the_page_tells_the_shortest_way_to_it(rule: Rule) -> None:
    faults = without(rule).faults
    (first, history), *others = faults.items()
    rest = "; then " + ", ".join(promise.value for promise, _ in others) if others else ""
    row = f"| {rule.value} | {first.value}{rest} | {', '.join(map(str, history))} |"
    assert row in PAGE.splitlines(), row


def test_every_promise_can_be_broken() -> None:
    broken = {promise for rule in Rule for promise in without(rule).faults}
    assert broken == set(Promise)
    for promise in Promise:
        assert f"- *{promise.value}*: " in PAGE
