"""Tests of the planted bugs: each spoils something of the product, and mends it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrader.gateway.checks.catalog import CHECKS_FOR, RULES_FOR
from agenttrader.testing.planted import PLANTED

PAGE = Path(__file__).parents[3] / "docs" / "planted-bugs.md"
LEAST = 30
"""How many there are to be."""


def _owners() -> Iterator[object]:
    """Every module of the product that is loaded, and every class in it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("agenttrader.") and not name.startswith("agenttrader.testing"):
            yield module
            yield from (each for each in vars(module).values() if isinstance(each, type))


@pytest.fixture(scope="module")
def owners() -> list[object]:
    return list({id(owner): owner for owner in _owners()}.values())


def _contents(owners: list[object]) -> list[dict[Any, Any]]:
    return [*(dict(vars(owner)) for owner in owners), dict(CHECKS_FOR), dict(RULES_FOR)]


def test_there_are_enough_of_them() -> None:
    assert len(PLANTED) >= LEAST
    assert len({bug.sentence for bug in PLANTED.values()}) == len(PLANTED)
    assert all(bug.sentence.endswith(".") for bug in PLANTED.values())


def test_the_page_names_each_with_what_is_wrong() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == {bug.name: bug.sentence for bug in PLANTED.values()}
    assert len(rows) == len(PLANTED)


@pytest.mark.parametrize("name", PLANTED)
def test_each_spoils_something_and_mends_it(name: str, owners: list[object]) -> None:
    before = _contents(owners)
    with PLANTED[name].spoil():
        assert _contents(owners) != before
    assert _contents(owners) == before


@pytest.mark.parametrize("name", ("missing_switch_is_active", "stale_price_passes", "fill_has_two_names"))
def test_what_fails_while_it_is_planted_mends_it_too(name: str, owners: list[object]) -> None:
    before = _contents(owners)
    with pytest.raises(ZeroDivisionError), PLANTED[name].spoil():
        raise ZeroDivisionError
    assert _contents(owners) == before
