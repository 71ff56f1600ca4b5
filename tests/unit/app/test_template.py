import tomllib

import pytest

from agenttrader.app.template import fill, recast

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


SYMBOLS = """\
# Of [each.A] something.
[each.A]
size = 1 # of A, not of AB

[each.B] # the second
size = 2
secret = { file = "b" } # its own

# What follows B.
[[lists]]
names = ["A", "B"]
[each.C]
size = 3
"""


def test_tables_are_replaced_or_left_out_and_whole_words_are_changed() -> None:
    found = recast(SYMBOLS, names={"A": "SPY"}, tables={"each.B": "", "each.C": "[other]\nsize = 4"})
    assert tomllib.loads(found) == {
        "each": {"SPY": {"size": 1}},
        "lists": [{"names": ["SPY", "B"]}],
        "other": {"size": 4},
    }
    assert "# Of [each.SPY] something." in found
    assert "# of SPY, not of AB" in found
    assert "# What follows B." in found
    assert "\n\n\n" not in found


def test_two_names_can_be_changed_for_each_other() -> None:
    assert recast("A B\n", names={"A": "B", "B": "A"}, tables={}) == "B A\n"


def test_a_table_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match=r"each\.D"):
        recast(SYMBOLS, names={"A": "B"}, tables={"each.D": ""})
