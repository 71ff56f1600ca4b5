"""What leaves of a proposal: whole, with its bracket where one goes with it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.runtime.instructions import departure_of, instruction_of
from agenttrader.testing.builders import ALFA, BRAVO, instruments, proposal

D = Decimal
TRAILING: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_price": D(2)}


def test_an_entry_leaves_with_its_plans_stop_and_target() -> None:
    told = departure_of(proposal(), instruments())
    assert (told.stop, told.target, told.pair) == (D(95), D(110), False)


@pytest.mark.parametrize(
    "changes",
    (
        TRAILING,
        {"time_in_force": TimeInForce.IOC},
        {"time_in_force": TimeInForce.CLS},
        {"quantity": D("1.5")},
        {"type": OrderType.LIMIT, "limit_price": D(100), "extended_hours": True},
    ),
)
def test_an_entry_that_no_bracket_goes_with_leaves_alone(changes: dict[str, Any]) -> None:
    entry = proposal(**changes)
    told = departure_of(entry, instruments())
    assert (told.stop, told.target) == (None, None)
    assert_the_rest_is_the_proposals(msgspec.structs.asdict(told), entry)


def test_a_pair_leaves_with_its_stop_whatever_its_time_in_force() -> None:
    pair = proposal(
        effect=Effect.REDUCE,
        side=Side.SELL,
        type=OrderType.LIMIT,
        limit_price=D(110),
        exit_plan=ExitPlan(stop=D(95)),
        time_in_force=TimeInForce.GTC,
    )
    told = departure_of(pair, instruments())
    assert (told.stop, told.target, told.pair) == (D(95), None, True)
    assert_the_rest_is_the_proposals(msgspec.structs.asdict(told), pair)


def test_what_leaves_later_may_be_for_another_quantity() -> None:
    assert instruction_of(proposal(), D(7)).quantity == 7


def test_several_legs_leave_alone_and_say_whether_they_open() -> None:
    spread = proposal(legs=(Leg(ALFA), Leg(BRAVO, -1)))
    told = departure_of(spread, instruments())
    assert (told.legs, told.stop, told.target, told.opens) == (spread.legs, None, None, True)
    back = msgspec.structs.replace(spread, effect=Effect.CLOSE, exit_plan=None)
    assert departure_of(back, instruments()).opens is False


def assert_the_rest_is_the_proposals(told: dict[str, Any], asked: Proposal) -> None:
    fields = msgspec.structs.asdict(asked)
    assert told["opens"] is None
    for name in set(told) - {"stop", "target", "pair", "replacing", "opens"}:
        assert told[name] == fields[name]
