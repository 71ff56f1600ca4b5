"""Proposals that hold together: all of them approved and reserved in one step, or none."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.events import Decided
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderState, Proposal, Side
from agenttrader.runtime.inputs import GroupProposed, Proposed
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import AGENT, ALFA, BRAVO, MULTIPLIERS, OTHER_AGENT, proposal, rules
from agenttrader.testing.driver import Driver, trading
from agenttrader.testing.hostile_day import folded
from agenttrader.testing.state_dump import dump_state

D = Decimal


def member(number: int, symbol: Symbol = ALFA, **changes: Any) -> Proposal:
    return proposal(number, legs=(Leg(symbol),), group="a pair", **changes)


def limited(quantity: int = 1_000, *, orders: int = 1_000, gross: int = 10**6, loss: int = 10**6) -> Rules:
    """Small limits: units of a symbol, open orders, exposure of the agent, dead-machine loss."""
    found = rules()
    symbol = replace(found.limits.symbol[ALFA], position_quantity_max=D(quantity))
    agent = replace(found.limits.agent[AGENT], open_orders_max=orders, gross_exposure_max=D(gross))
    account = replace(found.limits.account, dead_machine_loss_max=D(loss))
    limits = replace(
        found.limits, account=account, agent={AGENT: agent}, symbol=dict.fromkeys(MULTIPLIERS, symbol)
    )
    return replace(found, limits=limits)


def dealing(found: Rules) -> Driver:
    return trading(limits=found.limits)


def decisions(driver: Driver) -> list[str | None]:
    return [each.event.decision.denied_by for each in driver.records if isinstance(each.event, Decided)]


PAIR = (
    member(1, ALFA),
    member(2, BRAVO, side=Side.SELL, exit_plan=ExitPlan(stop=D(105), target=D(90))),
)


def test_all_are_decided_in_one_step_and_leave() -> None:
    driver = trading()
    step = driver.hear(GroupProposed(PAIR))
    assert [type(each.event) for each in step.records] == [Decided, Decided]
    assert step.sends == step.records
    assert decisions(driver) == [None, None]
    assert [driver.order(each.id).state for each in PAIR] == [OrderState.SENDING] * 2


def test_where_one_is_denied_none_leaves_and_nothing_stays_reserved() -> None:
    driver = dealing(limited(gross=1_500))
    before = dump_state(driver.engine.state)
    step = driver.hear(GroupProposed(PAIR))
    assert (len(step.records), step.sends) == (2, [])
    assert decisions(driver) == ["group", "gross_exposure_agent"]
    book = driver.engine.state.book
    assert book.orders.open_notional_total == 0
    assert book.orders.open_count_total == 0
    assert book.orders.open_by_symbol == {}
    assert dump_state(driver.engine.state) != before
    assert dump_state(folded(driver.records).state) == dump_state(driver.engine.state)


def test_each_would_have_been_approved_alone() -> None:
    for each in PAIR:
        driver = dealing(limited(gross=1_500))
        driver.propose(replace(each, group=None))
        assert decisions(driver) == [None]


def test_sent_again_it_is_the_same_group() -> None:
    for found in (limited(), limited(gross=1_500)):
        driver = dealing(found)
        driver.hear(GroupProposed(PAIR))
        again = driver.hear(GroupProposed(PAIR))
        assert (again.records, again.sends, again.refusal) == ([], [], "")


def test_it_is_refused_whole_where_an_id_of_it_was_used() -> None:
    driver = trading()
    driver.hear(GroupProposed(PAIR))
    for others in ((PAIR[0], member(3, BRAVO)), (replace(PAIR[0], quantity=D(1)), PAIR[1])):
        step = driver.hear(GroupProposed(others))
        assert step.records == []
        assert "all new, or all as they were sent together before" in step.refusal


def test_what_is_no_group_is_refused() -> None:
    for others, found in (
        ((PAIR[0], PAIR[0]), "an id of its own"),
        ((PAIR[0], replace(PAIR[1], group="another")), "the group's name in each"),
        ((PAIR[0], replace(PAIR[1], agent=OTHER_AGENT)), "of one agent"),
        ((PAIR[0], replace(PAIR[1], effect=Effect.CLOSE, exit_plan=None)), "entries alone"),
    ):
        step = trading().hear(GroupProposed(others))
        assert step.records == []
        assert found in step.refusal


def test_a_proposal_by_itself_is_of_no_group() -> None:
    driver = trading()
    step = driver.hear(Proposed(PAIR[0]))
    assert step.records == []
    assert "POST /v1/groups" in step.refusal
    driver.hear(GroupProposed(PAIR))
    assert driver.hear(Proposed(PAIR[0])).refusal == "", "what it has become can be asked for"


members = st.lists(
    st.tuples(st.sampled_from((ALFA, BRAVO)), st.integers(1, 60), st.sampled_from(Side)),
    min_size=2,
    max_size=8,
)
limits = st.builds(
    limited,
    st.integers(1, 150),
    orders=st.integers(1, 9),
    gross=st.integers(1_000, 40_000),
    loss=st.integers(50, 3_000),
)


@given(asked=members, found=limits, resting=st.integers(0, 3))
def test_whatever_the_limits_all_hold_reservations_or_none_does(
    asked: list[tuple[Symbol, int, Side]], found: Rules, resting: int
) -> None:
    """As each by itself would be approved after the others, and the limits hold with all of them counted."""
    driver, one_by_one = dealing(found), dealing(found)
    others = [member(100 + number, quantity=D(5)) for number in range(resting)]
    group = [
        member(
            number,
            symbol,
            quantity=D(quantity),
            side=side,
            exit_plan=ExitPlan(stop=D(100 - 5 * side.sign)),
        )
        for number, (symbol, quantity, side) in enumerate(asked)
    ]
    for each in (driver, one_by_one):
        each.propose(*(replace(other, group=None) for other in others))
    driver.hear(GroupProposed(tuple(group)))
    one_by_one.propose(*(replace(each, group=None) for each in group))

    made = [driver.order(each.id) for each in group]
    approved = [order.denied_by is None for order in made]
    assert len(set(approved)) == 1
    assert [order.reserved > 0 for order in made] == approved
    assert all(approved) is all(one_by_one.order(each.id).denied_by is None for each in group)
    book, valued = driver.engine.state.book, driver.engine.valued
    if all(approved):
        bounds, agent = found.limits.account, found.limits.agent[AGENT]
        assert book.orders.open_count[AGENT] <= agent.open_orders_max
        assert book.orders.open_notional[AGENT] <= agent.gross_exposure_max
        assert valued.dead_machine_loss() + book.orders.totals.loss() <= bounds.dead_machine_loss_max
        for symbol in (ALFA, BRAVO):
            working, permitted = book.working(symbol), found.limits.symbol[symbol].position_quantity_max
            assert max(working.buys, working.sells) <= permitted
    assert dump_state(folded(driver.records).state) == dump_state(driver.engine.state)
