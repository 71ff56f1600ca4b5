from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Digest, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.orders import Effect, OrderType, Side, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.model.values import is_on_step
from agenttrader.protocols.native import decode_proposal, encode, to_body
from agenttrader.strategies.ticket import Author, Ticket

D = Decimal
OPEN = from_rfc3339("2026-11-20T14:30:00Z")


def ticket(**changes: Any) -> Ticket:
    values: dict[str, Any] = {
        "author": Author(agent=AgentName("mo"), strategy=StrategyName("momentum"), parameters=Digest("abc")),
        "instrument": Equity(symbol=Symbol("ALFA"), tick=D("0.01"), lot=D(1)),
        "session": Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE)),
        "price": D("100.00"),
        "time": Instant(OPEN + 60 * MINUTE),
        "held": D(0),
        "leaving": False,
        "ordinal": 0,
    }
    return Ticket(**(values | changes))


def test_an_entry_is_a_market_order_for_the_day_with_its_plan() -> None:
    proposal = ticket().buy(
        D(100),
        "why",
        stop=D("99.40"),
        target=D("101.20"),
        trail=D("0.50"),
        until=ticket().before_close(5),
    )
    assert (proposal.agent, proposal.strategy, proposal.symbol, proposal.reason) == (
        "mo",
        "momentum",
        "ALFA",
        "why",
    )
    assert (proposal.side, proposal.quantity, proposal.effect) == (Side.BUY, D(100), Effect.OPEN)
    assert (proposal.type, proposal.time_in_force, proposal.limit_price) == (
        OrderType.MARKET,
        TimeInForce.DAY,
        None,
    )
    assert (proposal.decision_price, proposal.decision_time) == (D("100.00"), OPEN + 60 * MINUTE)
    assert proposal.correlation_id == "momentum-ALFA-2026-11-20T15:30:00Z"
    plan = proposal.exit_plan
    assert plan is not None
    assert (plan.stop, plan.target, plan.trail) == (D("99.40"), D("101.20"), D("0.50"))
    assert plan.until == from_rfc3339("2026-11-20T20:55:00Z")


def test_an_entry_without_terms_has_no_plan() -> None:
    assert ticket().buy(D(1), "why").exit_plan is None


def test_a_limit_makes_a_limit_order() -> None:
    proposal = ticket().sell(D(3), "why", limit=D("100.50"))
    assert (proposal.side, proposal.type, proposal.limit_price) == (Side.SELL, OrderType.LIMIT, D("100.50"))


@pytest.mark.parametrize(
    ("side", "terms", "expected"),
    (
        ("buy", {"limit": D("99.999")}, D("99.99")),
        ("sell", {"limit": D("100.001")}, D("100.01")),
        ("buy", {"stop": D("99.391")}, D("99.40")),
        ("sell", {"stop": D("100.609")}, D("100.60")),
        ("buy", {"target": D("101.201")}, D("101.21")),
        ("sell", {"target": D("98.809")}, D("98.80")),
        ("buy", {"trail": D("0.509")}, D("0.50")),
        ("sell", {"trail": D("0.001")}, D("0.01")),
        ("buy", {"stop": D("99.995")}, D("99.99")),
        ("sell", {"stop": D("100.005")}, D("100.01")),
        ("buy", {"target": D("100.001")}, D("100.01")),
        ("sell", {"target": D("99.999")}, D("99.99")),
    ),
)
def test_prices_go_to_the_tick_that_gives_nothing_away(side: str, terms: Any, expected: Decimal) -> None:
    proposal = getattr(ticket(), side)(D(1), "why", **terms)
    plan = proposal.exit_plan
    found = proposal.limit_price if plan is None else plan.stop or plan.target or plan.trail
    assert (found, str(found)) == (expected, str(expected))


def test_a_stop_is_judged_from_the_limit_where_there_is_one() -> None:
    proposal = ticket().buy(D(1), "why", limit=D("98.00"), target=D("99.00"))
    assert proposal.exit_plan is not None
    assert proposal.exit_plan.target == D("99.00")
    with pytest.raises(BadValue, match=r"stop of ALFA: expected a price below 98\.00, found 99"):
        ticket().buy(D(1), "why", limit=D("98.00"), stop=D(99))


price = st.decimals("0.05", "5000", places=4)


@given(price=price, share=st.decimals("0.0001", "0.5", places=4), sign=st.sampled_from((1, -1)))
def test_a_plan_always_surrounds_the_price_on_ticks(price: Decimal, share: Decimal, sign: int) -> None:
    order = ticket(price=price).buy if sign > 0 else ticket(price=price).sell
    plan = order(
        D(1), "why", stop=price * (1 - sign * share), target=price * (1 + sign * share), trail=price * share
    ).exit_plan
    assert plan is not None
    assert plan.stop is not None
    assert plan.target is not None
    assert plan.trail is not None
    assert all(is_on_step(it, D("0.01")) for it in (plan.stop, plan.target, plan.trail))
    assert sign * (price - plan.stop) > 0
    assert sign * (plan.target - price) > 0
    assert plan.trail > 0


@pytest.mark.parametrize(
    ("side", "terms", "text"),
    (
        ("buy", {"stop": D("100.00")}, "stop of ALFA: expected a price below 100.00, found 100.00"),
        ("buy", {"target": D("99.00")}, "target of ALFA: expected a price above 100.00, found 99.00"),
        ("sell", {"stop": D("99.00")}, "stop of ALFA: expected a price above 100.00, found 99.00"),
        ("sell", {"target": D("101.00")}, "target of ALFA: expected a price below 100.00, found 101.00"),
        ("buy", {"trail": 0.5}, "trail of ALFA: expected a Decimal above 0, found 0.5"),
        ("buy", {"trail": D(0)}, "trail of ALFA: expected a Decimal above 0"),
        ("buy", {"limit": D("NaN")}, "limit of ALFA: expected a Decimal above 0"),
        ("buy", {"limit": D("-1")}, "limit of ALFA: expected a Decimal above 0"),
    ),
)
def test_a_price_that_no_rounding_mends_is_refused(side: str, terms: Any, text: str) -> None:
    with pytest.raises(BadValue, match=text.replace(".", r"\.")):
        getattr(ticket(), side)(D(1), "why", **terms)


def test_quantities_are_cut_to_the_lot() -> None:
    fine = Equity(symbol=Symbol("ALFA"), tick=D("0.01"), lot=D("0.1"))
    assert ticket(instrument=fine).buy(D("1.29"), "why").quantity == D("1.2")
    with pytest.raises(BadValue, match="quantity: expected a number above 0"):
        ticket().buy(D("0.9"), "why")
    with pytest.raises(BadValue, match="quantity: expected a decimal number"):
        ticket().buy(1.5, "why")  # type: ignore[arg-type]


@pytest.mark.parametrize(("held", "side"), ((D(30), Side.SELL), (D("-30"), Side.BUY)))
def test_closing_leaves_all_that_is_held(held: Decimal, side: Side) -> None:
    proposal = ticket(held=held).close("enough")
    assert proposal is not None
    assert (proposal.side, proposal.quantity, proposal.effect) == (side, D(30), Effect.CLOSE)
    assert (proposal.type, proposal.exit_plan, proposal.reason) == (OrderType.MARKET, None, "enough")


def test_there_is_nothing_to_close_when_flat_or_already_leaving() -> None:
    assert ticket().close("enough") is None
    assert ticket(held=D(30), leaving=True).close("enough") is None


def test_an_entry_against_what_is_held_is_refused() -> None:
    with pytest.raises(BadValue, match="close first"):
        ticket(held=D(30)).sell(D(1), "why")
    with pytest.raises(BadValue, match="close first"):
        ticket(held=D(-30)).buy(D(1), "why")
    assert ticket(held=D(30)).buy(D(1), "more").quantity == 1


def test_the_id_is_made_of_facts_and_each_fact_counts() -> None:
    first = ticket().buy(D(1), "why").id
    assert ticket().buy(D(2), "another reason").id == first
    author = ticket().author
    others = (
        ticket(ordinal=1),
        ticket(time=Instant(OPEN + 61 * MINUTE)),
        ticket(instrument=Equity(symbol=Symbol("BRVO"), tick=D("0.01"), lot=D(1))),
        ticket(author=msgspec.structs.replace(author, agent=AgentName("other"))),
        ticket(author=msgspec.structs.replace(author, parameters=Digest("abd"))),
    )
    assert len({first, *(it.buy(D(1), "why").id for it in others)}) == 6


def test_a_proposal_survives_the_wire() -> None:
    proposal = ticket().buy(D(1), "why", stop=D("99.40"), until=ticket().before_close(5))
    assert decode_proposal(encode(to_body(proposal)), AgentName("mo")) == proposal
