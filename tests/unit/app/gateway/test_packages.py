"""Which orders of several legs there are, and their numbers on the steps of their legs."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.app.gateway.desk import fit
from agenttrader.app.gateway.packages import net_price, require_leavable
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Instrument, Option
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal
from agenttrader.testing.builders import ALFA, instruments, proposal

D = Decimal
NEAR, FAR, OTHER = Symbol("NEAR"), Symbol("FAR"), Symbol("OTHER")


def option(symbol: Symbol, underlying: Symbol = ALFA, tick: str = "0.01") -> Option:
    return Option(
        symbol=symbol,
        tick=D(tick),
        lot=D(1),
        multiplier=D(100),
        underlying=underlying,
        expiry="2026-12-18",
        strike=D(100),
        right="call",
    )


KNOWN: dict[Symbol, Instrument] = instruments() | {
    NEAR: option(NEAR),
    FAR: option(FAR, tick="0.05"),
    OTHER: option(OTHER, Symbol("BRAVO")),
}


def spread(*legs: Leg, **changes: Any) -> Proposal:
    fields: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D("1.50")}
    return proposal(legs=legs or (Leg(NEAR), Leg(FAR, -1)), **(fields | changes))


def test_its_numbers_are_put_on_the_finest_tick_and_the_lot() -> None:
    noisy = spread(
        limit_price=D("-0.350000001"),
        quantity=D("2.000000001"),
        exit_plan=ExitPlan(stop=D("-0.730000001"), target=D("0.5"), trail=D("0.12")),
    )
    fitted = fit(noisy, KNOWN)
    assert (fitted.limit_price, fitted.quantity) == (D("-0.35"), D(2))
    assert fitted.exit_plan == ExitPlan(stop=D("-0.73"), target=D("0.50"), trail=D("0.12"))


@pytest.mark.parametrize(
    ("asked", "found"),
    (
        (spread(limit_price=D("1.501")), "limit_price: expected a multiple of 0.01"),
        (spread(quantity=D("1.5")), "quantity: expected a multiple of 1"),
        (spread(Leg(NEAR, 2), Leg(FAR, -2)), "legs: expected the smallest whole ratios, found 2, 2"),
        (spread(Leg(NEAR), Leg(OTHER, -1)), "legs: expected options on the same shares"),
        (spread(Leg(NEAR), Leg(ALFA, -1)), "legs: expected options alone"),
        (spread(*(Leg(Symbol(name)) for name in "VWXYZ")), "legs: expected 2 to 4 in an order of several"),
    ),
)
def test_what_the_broker_has_no_such_order_for_is_refused(asked: Proposal, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        fit(asked, KNOWN)


def test_a_leg_that_is_not_known_is_left_to_the_decision() -> None:
    asked = spread(Leg(NEAR), Leg(Symbol("NOBODY"), -1), limit_price=D("1.501"))
    assert fit(asked, KNOWN) is asked


def test_the_net_price_counts_what_is_sold_against_what_is_bought() -> None:
    prices = {NEAR: D(2), FAR: D("0.75")}
    legs = (Leg(NEAR), Leg(FAR, -3))
    assert net_price(legs, prices.get) == D("-0.25")
    assert net_price((*legs, Leg(OTHER)), prices.get) is None


def test_nobody_would_leave_what_several_legs_opened_together() -> None:
    with pytest.raises(BadValue, match="an order of several legs that opens"):
        require_leavable(spread())
    require_leavable(spread(effect=Effect.CLOSE, exit_plan=None, type=OrderType.MARKET, limit_price=None))
    require_leavable(proposal())
