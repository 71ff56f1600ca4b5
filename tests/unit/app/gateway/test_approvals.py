"""An entry that waits for a person, as Alpaca's clients see it: `pending_review`, and what becomes of it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agenttrader.app.gateway.alpaca_answers import moment_of
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_refusals import Refused
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.sections import ExitFractions
from agenttrader.app.trade_listener import TradeListener
from agenttrader.model.authority import EVERYTHING, Act, Approval
from agenttrader.model.decisions import TradingState
from agenttrader.model.values import exact
from agenttrader.protocols.alpaca_trading import NewOrder, Order
from agenttrader.runtime.inputs import HaltAsked, MarketSeen
from agenttrader.testing.approving import ANN, EVE, PEOPLE, manual, word
from agenttrader.testing.builders import CHARLY, OTHER_AGENT, authority, bar, grant, rules
from agenttrader.testing.small_gateway import SmallGateway, bot

PLAN = ExitFractions(stop=exact("0.03", "stop"), target=exact("0.05", "target"))


class Face:
    """A small gateway whose bot needs a person, with its desk and its stream in Alpaca's words."""

    def __init__(self) -> None:
        grants = rules().grants | {OTHER_AGENT: grant(CHARLY, approval=Approval.MANUAL)}
        people = authority(people=PEOPLE, requesters={OTHER_AGENT: EVE})
        self.gateway = SmallGateway(answer_wait_seconds=0.5, **manual(grants=grants, authority=people))
        self.gateway.broker.on_submit = self.gateway.accept
        self.updates = AlpacaUpdates(self.gateway.session)
        self.desk = AlpacaDesk(self.gateway.desk, self.updates, {OTHER_AGENT: bot(CHARLY, exit_plan=PLAN)})

    async def buy(self, name: str = "mine", **changes: Any) -> Order:
        fields: dict[str, Any] = {
            "symbol": CHARLY,
            "qty": exact("10", "qty"),
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            "client_order_id": name,
        }
        return (await self.desk.submit(OTHER_AGENT, NewOrder(**(fields | changes)))).order

    async def say(self, act: Act = Act.APPROVE_ORDER) -> str:
        """Ann's word on the first that waits; why it was refused."""
        (waits, *_) = self.gateway.session.engine.state.approvals.waiting.values()
        outcome = await self.gateway.session.ask(word(waits.asked.digest, ANN, act))
        await self.gateway.settle()
        return outcome.refusal

    def status(self) -> str:
        """Of the first order, as it is told now."""
        orders = self.gateway.session.engine.state.book.orders.by_id.values()
        first = next(order for order in orders if order.agent == OTHER_AGENT and not order.is_leg)
        return moment_of(first).status


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    made = Face()
    await made.gateway.trade()
    yield made
    await made.gateway.stop()


async def test_it_is_pending_review_at_once_and_goes_on_when_it_is_approved(face: Face) -> None:
    order = await face.buy()
    assert (order.status, face.gateway.broker.sent) == ("pending_review", [])
    assert (await face.buy()).status == "pending_review"
    assert await face.say() == ""
    assert (await face.buy()).id == order.id
    assert (face.status(), len(face.gateway.broker.sent)) == ("new", 1)


async def test_denied_by_a_person_it_is_rejected_and_says_by_whom_and_why(face: Face) -> None:
    await face.buy()
    assert await face.say(Act.DENY_ORDER) == ""
    assert face.status() == "rejected"
    with pytest.raises(Refused, match="ann did not approve it: a trading day"):
        await face.buy()
    assert face.gateway.broker.sent == []


async def test_voided_it_is_rejected_and_says_why(face: Face) -> None:
    await face.buy()
    await face.gateway.session.ask(HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "lunch"))
    assert face.status() == "rejected"
    with pytest.raises(Refused, match="its approval is void: halted: everything was halted by ada: lunch"):
        await face.buy()


async def test_denied_by_the_decision_after_the_yes_it_is_rejected_with_the_code(face: Face) -> None:
    order = await face.buy(type="limit", limit_price=exact("100", "limit"))
    await face.gateway.session.ask(MarketSeen(bar(2, 70, CHARLY)))
    assert await face.say() == ""
    assert face.status() == "rejected"
    assert face.desk.reads.found(OTHER_AGENT, order.id).denied_by == "price_collar"
    with pytest.raises(Refused, match="denied by price_collar"):
        await face.buy(type="limit", limit_price=exact("100", "limit"))
    assert face.gateway.broker.sent == []


@pytest.mark.parametrize("ends_by", ("person", "decision", "halt", "agent"))
async def test_the_stream_tells_that_it_ended(face: Face, ends_by: str) -> None:
    listener = TradeListener()
    listener.enter(lambda: OTHER_AGENT)
    face.updates.add(listener)
    face.updates.listen(listener, ["trade_updates"])
    order = await face.buy(type="limit", limit_price=exact("100", "limit"))
    while not listener.queue.empty():
        listener.queue.get_nowait()
    match ends_by:
        case "person":
            await face.say(Act.DENY_ORDER)
        case "decision":
            await face.gateway.session.ask(MarketSeen(bar(2, 70, CHARLY)))
            await face.say()
        case "halt":
            await face.gateway.session.ask(HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "lunch"))
        case _:
            await face.desk.cancel(OTHER_AGENT, order.id, ())
    (message,) = [listener.queue.get_nowait() for _ in range(listener.queue.qsize())]
    assert message is not None
    told = json.loads(message)["data"]
    assert (told["event"], told["order"]["id"], told["order"]["status"]) == ("rejected", order.id, "rejected")
    assert face.status() == "rejected"
