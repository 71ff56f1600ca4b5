"""Which of two values is the tighter, and what rules where two files say different things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.gateway.tightness import Direction, direction_of, scope_of, tighter, tightest


@pytest.mark.parametrize(
    ("name", "ruled", "wanted", "rules"),
    (
        ("account.gross_exposure_max", "5000", "10000", "5000"),
        ("account.gross_exposure_max", "10000", "5000", "5000"),
        ("account.gross_exposure_max", "900", "1000", "900"),
        ("agent.bot.repeat_seconds", "60", "30", "60"),
        ("agent.bot.repeat_seconds", "60", "90", "90"),
        ("group.tech.days_to_expiry_min", "2", "1", "2"),
        ("account.restricted", "ALFA", "BRAVO", "ALFA,BRAVO"),
        ("agent.bot.symbols", "ALFA,BRAVO", "BRAVO,CHARLY", "BRAVO"),
        ("agent.bot.order_types", "limit", "", ""),
        ("symbol.BRK.B.shorting_permitted", "false", "true", "false"),
        ("symbol.BRK.B.shorting_permitted", "true", "false", "false"),
        ("agent.bot.mode_ceiling", "paper", "live", "paper"),
        ("agent.bot.approval", "manual", "auto", "manual"),
        ("agent.bot.approval", "auto", "manual", "manual"),
        ("breakers.soft_fraction", "0.02", "0.03", "0.02"),
        ("breakers.reject_minutes", "5", "1", "5"),
        ("account.something_else", "1", "2", "1"),
        ("account.something_else", "2", "1", "2"),
        ("agent.bot.mode_ceiling", "paper", "a word of tomorrow", "paper"),
    ),
)
def test_the_tighter_rules_and_in_doubt_what_ruled(name: str, ruled: str, wanted: str, rules: str) -> None:
    assert tighter(name, ruled, wanted) == rules


def test_a_symbol_may_have_points_in_it() -> None:
    assert scope_of("symbol.BRK.B.order_quantity_max") == "symbol.BRK.B"
    assert direction_of("symbol.BRK.B.order_quantity_max") is Direction.LESS


def test_what_is_gone_permits_nothing_and_binds_still() -> None:
    before = {"agent.a.open_orders_max": "1", "group.tech.symbols": "ALFA", "account.open_orders_max": "9"}
    wanted = {"agent.b.open_orders_max": "1", "group.oil.symbols": "BRAVO", "account.open_orders_max": "9"}
    assert tightest(before, wanted) == {
        "account.open_orders_max": "9",
        "group.oil.symbols": "BRAVO",
        "group.tech.symbols": "ALFA",
    }


def test_a_key_that_is_new_binds_and_one_that_is_gone_binds_still() -> None:
    before, wanted = (
        {"account.a_max": "1", "account.b_max": "1"},
        {"account.b_max": "1", "account.c_max": "7"},
    )
    assert tightest(before, wanted) == {"account.a_max": "1", "account.b_max": "1", "account.c_max": "7"}


@pytest.mark.parametrize(
    ("ungrouped", "tech", "oil"), (("true", "ALFA,BRAVO,CHARLY", "DELTA"), ("false", "ALFA,BRAVO", None))
)
def test_a_group_binds_more_symbols_but_permits_none(ungrouped: str, tech: str, oil: str | None) -> None:
    """BRAVO comes from another group into this one; CHARLY and DELTA were in none."""
    before = {
        "account.ungrouped_permitted": ungrouped,
        "group.rest.symbols": "BRAVO",
        "group.tech.symbols": "ALFA",
    }
    wanted = {
        "account.ungrouped_permitted": "true",
        "group.oil.symbols": "DELTA",
        "group.rest.symbols": "",
        "group.tech.symbols": "BRAVO,CHARLY",
    }
    assert tightest(before, wanted) == {
        "account.ungrouped_permitted": ungrouped,
        **({} if oil is None else {"group.oil.symbols": oil}),
        "group.rest.symbols": "BRAVO",
        "group.tech.symbols": tech,
    }


@pytest.mark.parametrize(
    ("ruled", "wanted", "found"),
    (
        ("carry,trend", "trend", "trend"),
        # An agent that runs no strategy names none, and no strategy's limits bind it.
        ("trend", "", "trend"),
        ("trend", "carry", "trend"),
        ("", "trend", ""),
    ),
)
def test_an_agent_without_strategies_is_no_tighter(ruled: str, wanted: str, found: str) -> None:
    assert tighter("agent.a.strategies", ruled, wanted) == found


NUMBERS = st.decimals(0, 10**9, places=2).map(lambda number: f"{number:f}")
TABLES = st.dictionaries(
    st.sampled_from([f"{scope}.{key}_max" for scope in ("account", "agent.a", "symbol.X") for key in "pq"]),
    NUMBERS,
)


@given(before=TABLES, wanted=TABLES)
def test_nothing_that_rules_is_looser_than_either_says(
    before: dict[str, str], wanted: dict[str, str]
) -> None:
    found = tightest(before, wanted)
    for name, value in found.items():
        for side in (before, wanted):
            assert name not in side or float(value) <= float(side[name])
    assert tightest(found, wanted) == found
    assert {scope_of(name) for name in found} <= {scope_of(name) for name in before}
    assert tightest(before, before) == before
