from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.gateway.balance import Balance, Imbalance, Tally
from agenttrader.model.events import Decided, Sending, Withheld
from agenttrader.model.identifiers import BrokerOrderId
from agenttrader.model.instructions import Replacing
from agenttrader.model.orders import Changes, Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.runtime.instructions import departure_of, instruction_of
from agenttrader.testing import builders as b

D = Decimal


def approved(proposal: Proposal, **instead: Any) -> Decided:
    """Approved, and leaving with its own record, as it was approved or with something instead."""
    instruction = departure_of(proposal, b.instruments())
    return replace(b.decided(proposal), instruction=replace(instruction, **instead))


def waiting(proposal: Proposal) -> Decided:
    """Approved, and leaving later."""
    return replace(b.decided(proposal), instruction=None)


def sending(proposal: Proposal, quantity: int) -> Sending:
    return Sending(order_id=proposal.id, instruction=instruction_of(proposal, D(quantity)))


def balance(*events: Decided | Withheld) -> Balance:
    made = Balance()
    for event in events:
        made.take_in(event)
    return made


def refusal(made: Balance, leaving: Decided | Sending) -> Imbalance:
    found = made.take(leaving)
    assert isinstance(found, Imbalance)
    return found


ENTRY = b.proposal(1)
CLOSE = b.closing_proposal(2)


def test_what_was_approved_leaves_once() -> None:
    leaving = approved(ENTRY)
    made = balance(leaving)
    assert made.take(leaving) == ENTRY
    again = refusal(made, leaving)
    assert again == Imbalance(f"order {ENTRY.id} is about to leave, and it was here before", was_here=True)


def test_what_nobody_approved_does_not_leave() -> None:
    leaving = approved(ENTRY)
    for made in (balance(), balance(approved(b.proposal(3)))):
        assert refusal(made, leaving) == Imbalance(
            f"order {ENTRY.id} is about to leave, and no approval of it is on record"
        )


def test_a_denial_that_leaves_all_the_same_is_stopped() -> None:
    leaving = replace(approved(ENTRY), decision=b.decision(ENTRY, denied_by="window"))
    assert refusal(balance(leaving), leaving).reason.endswith("no approval of it is on record")


def test_approved_twice_it_leaves_once() -> None:
    leaving = approved(ENTRY)
    made = balance(leaving, leaving)
    assert made.approved[b.ALFA] == Tally(1, D(10))
    assert made.take(leaving) == ENTRY
    made.take_in(leaving)
    assert refusal(made, leaving).was_here


def test_what_was_withheld_has_no_approval_any_more() -> None:
    made = balance(waiting(CLOSE), Withheld(order_id=CLOSE.id, reason="halted"))
    assert refusal(made, sending(CLOSE, 10)).was_here


OTHERWISE: dict[str, dict[str, Any]] = {
    "expected a quantity of at most 10, found 10.001": {"quantity": D("10.001")},
    "expected side buy, found side sell": {"side": Side.SELL},
    "expected type market, limit_price None, found type limit, limit_price 100": {
        "type": OrderType.LIMIT,
        "limit_price": D(100),
    },
    "expected time_in_force day, found time_in_force gtc": {"time_in_force": TimeInForce.GTC},
    "expected extended_hours False, found extended_hours True": {"extended_hours": True},
    "expected the stop 95, found 94": {"stop": D(94)},
    "expected the target 110, found 111": {"target": D(111)},
    "expected trail_price None, found trail_price 1": {"trail_price": D(1)},
}


@pytest.mark.parametrize("difference", OTHERWISE)
def test_what_is_not_as_it_was_approved_does_not_leave(difference: str) -> None:
    leaving = approved(b.proposal(1, exit_plan=ExitPlan(stop=D(95), target=D(110))), **OTHERWISE[difference])
    made = balance(leaving)
    found = refusal(made, leaving)
    assert found.reason == f"order {ENTRY.id} is about to leave as it was not approved: {difference}"
    assert not found.was_here
    assert refusal(made, approved(ENTRY)).was_here, "and it does not come again in another shape"


def test_another_symbol_does_not_leave() -> None:
    leaving = approved(ENTRY, legs=(Leg(b.BRAVO),))
    assert refusal(balance(leaving), leaving).reason.endswith("expected legs 1 ALFA, found legs 1 BRAVO")


def test_an_entry_may_leave_without_its_legs_and_a_replacement_as_changes() -> None:
    alone = approved(ENTRY, stop=None, target=None)
    assert balance(alone).take(alone) == ENTRY
    instead = Replacing(broker_order_id=BrokerOrderId("b-1"), changes=Changes(quantity=D(10)))
    replacing = approved(ENTRY, stop=None, target=None, replacing=instead)
    assert balance(replacing).take(replacing) == ENTRY


CLOSES = ((0, 4, True), (0, 10, True), (0, 11, False), (7, 17, True), (7, 18, False))


def test_a_close_takes_less_or_what_entries_may_have_added_and_no_more() -> None:
    held = b.closing_proposal(2, quantity=D(10))
    for left, quantity, leaves in (
        (0, 4, True),
        (0, 10, True),
        (0, 11, False),
        (7, 17, True),
        (7, 18, False),
    ):
        made = balance(waiting(held))
        if left:
            entry = b.proposal(3, quantity=D(left))
            made.take_in(approved(entry))
            made.note(entry, D(left))
        assert isinstance(made.take(sending(held, quantity)), Proposal) is leaves


def test_an_entry_the_same_way_adds_nothing_to_a_close() -> None:
    made = balance(waiting(CLOSE))
    made.note(b.proposal(3, side=Side.SELL, exit_plan=ExitPlan(stop=D(105))), D(50))
    assert "at most 10" in refusal(made, sending(CLOSE, 11)).reason


def test_a_new_process_takes_over_what_waits_and_what_works() -> None:
    entry = b.proposal(3, quantity=D(5))
    made = Balance()
    made.begin([CLOSE], [entry], {})
    assert refusal(made, approved(entry)).was_here
    assert made.take(sending(CLOSE, 15)) == CLOSE


def test_a_close_that_waited_over_a_restart_may_meet_what_entries_added_before_it() -> None:
    for held, leaves in ((D(17), True), (D(6), False), (D(-17), False)):
        made = Balance()
        made.begin([CLOSE], [], {b.ALFA: held})
        made.begin([CLOSE], [], {b.ALFA: held})
        assert isinstance(made.take(sending(CLOSE, 17)), Proposal) is leaves


def test_what_is_taken_over_again_after_a_failure_is_known_already() -> None:
    entry, made = b.proposal(3, quantity=D(5)), Balance()
    for _ in range(2):
        made.begin([CLOSE], [entry], {})
    assert made.take(sending(CLOSE, 15)) == CLOSE
    made.begin([CLOSE], [entry], {})
    assert refusal(made, sending(CLOSE, 10)).was_here


def test_what_is_approved_and_what_has_left_is_counted_by_symbol_and_leg() -> None:
    spread = b.proposal(4, legs=(Leg(b.ALFA), Leg(b.BRAVO, -2)), quantity=D(3))
    made = balance(approved(ENTRY), waiting(spread))
    assert made.approved == {b.ALFA: Tally(2, D(13)), b.BRAVO: Tally(1, D(6))}
    assert made.left == {}
    made.note(spread, D(3))
    assert made.left == {b.ALFA: Tally(1, D(3)), b.BRAVO: Tally(1, D(6))}


@given(
    st.lists(
        st.tuples(st.sampled_from(("approve", "leave", "withhold")), st.integers(1, 3), st.integers(8, 12)),
        max_size=30,
    )
)
def test_whatever_comes_no_more_leaves_than_was_approved(steps: list[tuple[str, int, int]]) -> None:
    made, left = Balance(), []
    permitted: dict[str, Decimal] = {}
    for act, number, quantity in steps:
        proposal = b.proposal(number, quantity=D(quantity))
        if act == "approve":
            permitted.setdefault(proposal.id, D(quantity))
            made.take_in(approved(proposal))
        elif act == "withhold":
            made.take_in(Withheld(order_id=proposal.id, reason="halted"))
        else:
            found = made.take(sending(proposal, quantity))
            if isinstance(found, Proposal):
                made.note(found, D(quantity))
                left.append(proposal.id)
                assert D(quantity) <= permitted[proposal.id]
    assert len(left) == len(set(left))
    for symbol, tally in made.left.items():
        assert tally.orders <= made.approved[symbol].orders
        assert tally.units <= made.approved[symbol].units


def test_a_reduction_is_no_close() -> None:
    leaving = approved(b.closing_proposal(2, effect=Effect.REDUCE), quantity=D(11))
    made = balance(leaving)
    made.note(b.proposal(3), D(10))
    assert "at most 10" in refusal(made, leaving).reason
