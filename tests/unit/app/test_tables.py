from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from agenttrader.app.tables import Float, Place, build
from agenttrader.model.errors import ConfigurationError


class Inner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount: Decimal
    count: int
    note: str | None = None


class Outer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    one: Inner
    many: tuple[Inner, ...]
    by_name: dict[str, Inner]
    spare: Inner | None = None


PLACE = Place(Path("x.toml"))
INNER = {"amount": "1.50", "count": 2}


def outer(**changes: object) -> dict[str, object]:
    return {"one": INNER, "many": [INNER, INNER], "by_name": {"a": INNER}} | changes


def refusal(table: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        build(Outer, table, PLACE)
    return str(refused.value)


def test_tables_lists_of_tables_and_tables_by_name_become_structs() -> None:
    inner = Inner(amount=Decimal("1.50"), count=2)
    assert build(Outer, outer(), PLACE) == Outer(one=inner, many=(inner, inner), by_name={"a": inner})


def test_a_table_that_may_be_left_out_is_read_as_strictly_as_any() -> None:
    assert build(Outer, outer(), PLACE).spare is None
    assert build(Outer, outer(spare=INNER), PLACE).spare == Inner(amount=Decimal("1.50"), count=2)


@pytest.mark.parametrize(
    ("table", "expected"),
    (
        (
            outer(one=INNER | {"cuont": 1}),
            "x.toml: [one] cuont: this key is not known; the nearest known key is count",
        ),
        (outer(many=[INNER, {"count": 1}]), "x.toml: [many.1] amount: this key is missing"),
        (outer(by_name={"a": {"amount": "1"}}), "x.toml: [by_name.a] count: this key is missing"),
        (
            outer(by_name={"a": INNER | {"count": "2"}}),
            "x.toml: [by_name.a] count: expected a whole number, found '2'",
        ),
        (outer(by_name={"a": INNER | {"note": 1}}), "x.toml: [by_name.a] note: expected a text, found 1"),
        (outer(one=[]), "x.toml: one: expected a table, found []"),
        (outer(spare=1), "x.toml: spare: expected a table, found 1"),
        (outer(spare=INNER | {"cuont": 1}), "x.toml: [spare] cuont: this key is not known"),
        (outer(many={}), "x.toml: many: expected a list of tables, found {}"),
        (outer(by_name=[]), "x.toml: by_name: expected a table, found []"),
        (7, "x.toml: expected a table, found 7"),
    ),
)
def test_a_fault_is_named_where_it_stands(table: object, expected: str) -> None:
    assert refusal(table).startswith(expected)


def test_what_may_be_left_out_may() -> None:
    assert build(Inner, INNER, PLACE).note is None


@given(st.integers(-(10**14), 10**14))
def test_a_whole_number_is_exact_as_it_is(number: int) -> None:
    assert build(Inner, INNER | {"amount": number}, PLACE).amount == number


@given(st.from_regex(r"-?[0-9]{1,6}(\.[0-9]{1,6})?(e[0-9])?", fullmatch=True))
def test_no_float_is_ever_taken(digits: str) -> None:
    for key in ("amount", "count", "note"):
        with pytest.raises(ConfigurationError, match=f"found {digits} as a float"):
            build(Inner, INNER | {key: Float(digits)}, PLACE)
