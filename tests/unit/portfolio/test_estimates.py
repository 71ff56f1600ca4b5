"""What is reckoned at a fill stands until the broker posts the fees of its time, and no longer."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.events import Filled
from agenttrader.model.identifiers import ExecutionId
from agenttrader.model.orders import Side
from agenttrader.portfolio.estimates import FeeEstimates
from agenttrader.testing.builders import ALFA, at

D = Decimal


def fill(name: str, minute: int, fee: str) -> Filled:
    return Filled(
        order_id=f"order-{name}",  # type: ignore[arg-type]
        execution_id=ExecutionId(name),
        symbol=ALFA,
        side=Side.SELL,
        quantity=D(1),
        price=D(100),
        fee=D(fee),
        time=at(minute),
    )


def test_what_is_posted_takes_the_place_of_the_estimates_up_to_then() -> None:
    estimates = FeeEstimates()
    assert [estimates.add(fill(f"e-{minute}", minute, "0.02")) for minute in (1, 2, 3)] == [D("0.02")] * 3
    assert estimates.settle(at(2)) == D("0.04")
    assert estimates.total == D("0.02")
    assert estimates.settle(at(2)) == 0


def test_a_fill_that_is_told_after_its_fee_costs_nothing_more() -> None:
    estimates = FeeEstimates()
    estimates.settle(at(2))
    assert estimates.add(fill("late", 2, "0.02")) == 0
    assert estimates.add(fill("new", 3, "0.02")) == D("0.02")


def test_an_estimate_goes_with_a_fill_that_is_taken_back_and_a_posted_fee_does_not() -> None:
    estimates = FeeEstimates()
    estimates.add(fill("e-1", 1, "0.02"))
    estimates.add(fill("e-2", 2, "0.05"))
    estimates.settle(at(1))
    dropped = [estimates.drop(ExecutionId(name)) for name in ("e-1", "e-2", "e-2")]
    assert dropped == [0, D("0.05"), 0]
    assert estimates.total == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(("add", "settle", "drop")), st.integers(0, 9), st.decimals(0, 9, places=2))
    )
)
def test_the_total_is_what_was_added_less_what_was_given_back(
    steps: list[tuple[str, int, Decimal]],
) -> None:
    estimates, expected = FeeEstimates(), D(0)
    for number, (what, minute, fee) in enumerate(steps):
        if what == "add":
            expected += estimates.add(fill(f"{minute}-{number}", minute, str(fee)))
        elif what == "settle":
            expected -= estimates.settle(at(minute))
        else:
            expected -= estimates.drop(ExecutionId(f"{minute}-{number // 2}"))
        assert estimates.total == expected
