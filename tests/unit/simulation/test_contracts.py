"""Option contracts: their names, what is none, and what they are worth by themselves."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.simulation.contracts import OptionContract, Right


def contract(**changes: Any) -> OptionContract:
    fields: dict[str, Any] = {
        "underlying": "SPY",
        "expiration": "2026-12-18",
        "strike": Decimal(450),
        "right": Right.CALL,
    }
    return OptionContract(**(fields | changes))


def test_a_contract_is_called_as_the_clearing_house_calls_it() -> None:
    assert contract().symbol == "SPY261218C00450000"
    odd = contract(underlying="F", strike=Decimal("12.125"), right=Right.PUT)
    assert odd.symbol == "F261218P00012125"


@pytest.mark.parametrize(
    ("changes", "message"),
    (
        ({"underlying": "TOOLONG"}, "capital letters"),
        ({"underlying": "spy"}, "capital letters"),
        ({"expiration": "2026-12-32"}, "YYYY-MM-DD"),
        ({"expiration": "20261218"}, "YYYY-MM-DD"),
        ({"strike": Decimal(0)}, "above 0"),
        ({"strike": Decimal("0.0001")}, "thousandth"),
        ({"strike": Decimal(100_000)}, "below"),
    ),
)
def test_what_is_no_contract_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValue, match=message):
        contract(**changes)


def test_a_right_alone_is_worth_what_it_saves_and_never_less_than_nothing() -> None:
    call, put = contract(), contract(right=Right.PUT)
    assert [call.intrinsic_thousandths(price) for price in (449_000, 450_000, 450_010)] == [0, 0, 10]
    assert [put.intrinsic_thousandths(price) for price in (449_990, 450_000, 451_000)] == [10, 0, 0]
