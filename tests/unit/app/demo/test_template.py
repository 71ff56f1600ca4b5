import tomllib

import pytest

from agenttrader.app.demo.template import fill

TEMPLATE = """\
# A comment with key = "" in it.
[market]
seed = 7            # any number
symbols = ["A", "B"] # owned
date = ""

[[keys]]
id = "one"
hash = ""

[[keys]]   # the second
id = "two"
hash = ""
"""


def test_values_go_into_their_places_and_everything_else_stays() -> None:
    filled = fill(
        TEMPLATE,
        {
            ("market", "seed"): 11,
            ("market", "symbols"): ("C",),
            ("market", "date"): "2026-11-20",
            ("keys#2", "hash"): "ff",
        },
    )
    assert tomllib.loads(filled) == {
        "market": {"seed": 11, "symbols": ["C"], "date": "2026-11-20"},
        "keys": [{"id": "one", "hash": ""}, {"id": "two", "hash": "ff"}],
    }
    assert filled.splitlines()[0] == TEMPLATE.splitlines()[0]
    assert "# any number" in filled
    assert "# owned" in filled


def test_nothing_to_fill_in_changes_nothing() -> None:
    assert fill(TEMPLATE, {}) == TEMPLATE


def test_a_value_without_a_place_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="keys#3"):
        fill(TEMPLATE, {("keys#3", "hash"): "ff"})
