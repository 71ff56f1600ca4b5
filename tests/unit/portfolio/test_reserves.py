"""Amounts by table: what a walk over all of them finds, whoever asks by whichever tables, and when."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import StrategyName
from agenttrader.model.orders import Leg
from agenttrader.portfolio.reserves import Reserves, Sums
from agenttrader.portfolio.scopes import About, Scopes, Table, agent_table
from agenttrader.testing.builders import AGENT, ALFA, BRAVO, CHARLY, OTHER_AGENT

D = Decimal
TECH, BIG = ("group", "tech"), ("group", "big")
SCOPES = Scopes({ALFA: (agent_table(AGENT), TECH, BIG), BRAVO: (TECH,)})
OTHERWISE = Scopes({ALFA: (BIG,), CHARLY: (TECH,)})
NOBODY = StrategyName("")
ABOUTS: tuple[About, ...] = (
    (NOBODY, (Leg(ALFA),)),
    (NOBODY, (Leg(BRAVO),)),
    (StrategyName("momentum"), (Leg(ALFA),)),
    (NOBODY, (Leg(ALFA, 1), Leg(BRAVO, -2))),
    (NOBODY, (Leg(CHARLY),)),
)


def test_a_table_counts_an_order_once_whichever_of_its_legs_are_in_it() -> None:
    sums = Sums(D(0))
    sums.change(ABOUTS[3], D(100))
    assert [sums.within(table, SCOPES) for table in (TECH, BIG)] == [100, 100]
    assert SCOPES.groups_of(ALFA) == (TECH, BIG)
    assert SCOPES.groups_of(CHARLY) == SCOPES.of_symbol(CHARLY) == ()


def test_nothing_is_left_when_all_has_gone() -> None:
    sums = Sums(D(0))
    sums.change(ABOUTS[0], D("1.50"))
    assert sums.within(TECH, SCOPES) == D("1.50")
    sums.change(ABOUTS[0], D("-1.50"))
    assert str(sums.within(TECH, SCOPES)) == "0"


def test_what_is_reserved_is_summed_by_agent_and_by_table() -> None:
    reserves = Reserves()
    reserves.change(AGENT, D(10), ABOUTS[0])
    reserves.change(OTHER_AGENT, D(5), ABOUTS[1])
    assert (reserves.of(AGENT), reserves.of(OTHER_AGENT), reserves.total) == (D(10), D(5), D(15))
    assert (reserves.within(TECH, SCOPES), reserves.within(BIG, SCOPES)) == (D(15), D(10))


class Change(NamedTuple):
    about: About
    amount: int


class Question(NamedTuple):
    table: Table
    scopes: Scopes


changes = st.builds(Change, st.sampled_from(ABOUTS), st.integers(-5, 5))
tables = st.sampled_from((TECH, BIG, agent_table(AGENT)))
questions = st.builds(Question, tables, st.sampled_from((SCOPES, OTHERWISE)))


@given(st.lists(changes | questions))
def test_the_sums_are_what_a_walk_finds(happenings: list[Change | Question]) -> None:
    sums: Sums[int] = Sums(0)
    amounts: dict[About, int] = {}
    for happening in happenings:
        match happening:
            case Change(about, amount):
                amounts[about] = amounts.get(about, 0) + amount
                sums.change(about, amount)
            case Question(table, scopes):
                counted = [amount for about, amount in amounts.items() if table in scopes.of(about)]
                assert sums.within(table, scopes) == sum(counted)
