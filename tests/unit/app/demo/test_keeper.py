from decimal import Decimal

import msgspec
import pytest

from agenttrader.app.demo.keeper import Keeper, wish
from agenttrader.app.demo.setup import KEEPER, Keeping
from agenttrader.model.credentials import Secret
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Effect, Proposal, Side, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.native import AnswerBody, DecisionBody, OrderBody

OPEN = from_rfc3339("2014-06-06T13:30:00Z")
SESSION = Session(date="2014-06-06", open=OPEN, close=Instant(OPEN + 390 * MINUTE))
FIRST = Keeping(key=Secret("k"), symbol=Symbol("XYZ"), quantity=Decimal(20), buys=True, sells=False)
LAST = msgspec.structs.replace(FIRST, buys=False, sells=True)
BETWEEN = msgspec.structs.replace(FIRST, buys=False)
PRICE = Decimal("645.57")


def at(minute: int) -> Instant:
    return Instant(OPEN + minute * MINUTE)


@pytest.mark.parametrize(
    ("keeping", "minute", "held", "side"),
    (
        (FIRST, 4, 0, None),
        (FIRST, 5, 0, Side.BUY),
        (FIRST, 6, 20, None),
        (FIRST, 385, 0, None),
        (FIRST, 389, 20, None),
        (BETWEEN, 5, 0, None),
        (BETWEEN, 389, 140, None),
        (LAST, 384, 140, None),
        (LAST, 385, 140, Side.SELL),
        (LAST, 385, 0, None),
    ),
)
def test_it_buys_early_on_the_first_day_and_sells_late_on_the_last(
    keeping: Keeping, minute: int, held: int, side: Side | None
) -> None:
    found = wish(keeping, SESSION, at(minute), PRICE, Decimal(held))
    assert (None if found is None else found.side) is side


def test_what_it_buys_is_protected_for_the_day_and_what_it_sells_is_all_that_it_holds() -> None:
    bought = wish(FIRST, SESSION, at(5), PRICE, Decimal(0))
    assert bought is not None
    assert (bought.agent, bought.quantity, bought.effect) == (KEEPER, Decimal(20), Effect.OPEN)
    assert bought.time_in_force is TimeInForce.DAY
    assert bought.exit_plan is not None
    assert bought.exit_plan.stop == Decimal("613.29")
    sold = wish(LAST, SESSION, at(385), PRICE, Decimal(140))
    assert sold is not None
    assert (sold.quantity, sold.effect, sold.exit_plan) == (Decimal(140), Effect.CLOSE, None)
    assert sold.id != bought.id


async def test_it_asks_once_in_a_session_and_not_before_there_is_a_price() -> None:
    proposed: list[Proposal] = []

    async def propose(proposal: Proposal) -> AnswerBody:
        proposed.append(proposal)
        order = OrderBody(
            id=proposal.id,
            agent=proposal.agent,
            strategy=proposal.strategy,
            symbol=proposal.symbol,
            side=proposal.side,
            type=proposal.type,
            effect=proposal.effect,
            role="entry",
            quantity=proposal.quantity,
            filled_quantity=Decimal(0),
            state="accepted",
            reason=proposal.reason,
            time=rfc3339(OPEN),
        )
        decision = DecisionBody(code="approved", sentence="", checks=())
        return AnswerBody(order=order, state="accepted", decision=decision)

    keeper = Keeper(FIRST, propose)
    assert await keeper.act(SESSION, at(5), None, Decimal(0)) is None
    answer = await keeper.act(SESSION, at(6), PRICE, Decimal(0))
    assert answer is not None
    assert await keeper.act(SESSION, at(7), PRICE, Decimal(0)) is None
    (proposal,) = proposed
    assert proposal.decision_time == at(6)
