"""What a client that speaks Alpaca's protocol may ask: one order for one id, denials in words."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, NoReturn

import pytest

from agenttrader.app.gateway.alpaca_desk import AlpacaDesk, Submitted
from agenttrader.app.gateway.alpaca_refusals import Refused
from agenttrader.app.gateway.alpaca_requests import wish_of
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.sections import Agent, ExitFractions
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue, InboxFull, NotReady, StoreError
from agenttrader.model.events import Decided
from agenttrader.model.identifiers import OrderId, derive_agents_order_id, derive_order_id
from agenttrader.model.market import Watermark
from agenttrader.model.orders import Effect, ExitPlan, Leg, Proposal, TimeInForce
from agenttrader.model.reports import ReportKind
from agenttrader.protocols.alpaca_trading import NewOrder, Order, OrderReplacement, StopLoss, TakeProfit
from agenttrader.protocols.native import encode, to_body
from agenttrader.runtime.inputs import MarketSeen, Proposed, SwitchSeen, WindowCloseAsked
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    CHARLY,
    EXITS,
    OTHER_AGENT,
    at,
    bar,
    client_id_of,
    proposal,
    report,
)
from agenttrader.testing.small_gateway import SmallGateway, bot

D = Decimal
BOT = OTHER_AGENT
PLAN = ExitFractions(stop=D("0.03"), target=D("0.05"))


def agent(**more: Any) -> Agent:
    return bot(CHARLY, **more)


class Face:
    """A small gateway that may trade, with its desk in Alpaca's words."""

    def __init__(self, *, answer_wait_seconds: float = 0.25) -> None:
        self.gateway = SmallGateway(answer_wait_seconds=answer_wait_seconds)
        self.gateway.broker.on_submit = self.gateway.accept
        updates = AlpacaUpdates(self.gateway.session)
        self.desk = AlpacaDesk(self.gateway.desk, updates, {BOT: agent(exit_plan=PLAN)})

    async def buy(self, name: str | None = "mine", **changes: Any) -> Order:
        return (await self.desk.submit(BOT, order(name, **changes))).order

    async def hold(self) -> Order:
        """Ten of CHARLY, bought at 100 and protected."""
        bought = await self.buy("bought")
        self.gateway.fill(self.gateway.broker.sent[-1], "e-bought")
        await self.gateway.settle()
        return bought

    async def time(self, minute: int) -> None:
        """So many minutes after the open, with a fresh price."""
        self.gateway.session.market(bar(minute, 100, CHARLY))
        self.gateway.session.market(Watermark(time=at(minute)))
        await self.gateway.settle()

    def fill_last(self, name: str) -> None:
        """The broker fills the whole of what was sent last."""
        self.gateway.fill(self.gateway.broker.sent[-1], name)

    async def finish_close(self, name: str) -> None:
        """The broker ends the protection that was to be canceled, and fills the close that then leaves."""
        for canceled in self.gateway.broker.canceled:
            leg = self.gateway.order(canceled)
            if not leg.state.is_terminal:
                told = report(ReportKind.CANCELED, "a leg", broker_order_id=leg.broker_id)
                self.gateway.session.broker(told)
        await self.gateway.settle()
        self.fill_last(name)
        await self.gateway.settle()

    def decided(self) -> list[Decided]:
        return [event for event in self.gateway.events() if isinstance(event, Decided)]


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    made = Face()
    await made.gateway.trade()
    yield made
    await made.gateway.stop()


def order(name: str | None = "mine", **changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "symbol": CHARLY,
        "qty": D(10),
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "client_order_id": name,
    }
    return NewOrder(**(fields | changes))


async def refused(wish: Any) -> Refused:
    with pytest.raises(Refused) as found:
        await wish
    return found.value


# One order.


async def test_an_entry_leaves_with_the_agents_own_exit_plan(face: Face) -> None:
    answer = await face.buy()
    assert (answer.status, answer.client_order_id, answer.order_class) == ("new", "mine", "bracket")
    assert [(leg.type, leg.status, leg.side) for leg in answer.legs or ()] == [
        ("stop", "held", "sell"),
        ("limit", "held", "sell"),
    ]
    (sent,) = face.gateway.broker.sent
    assert sent.event.instruction is not None
    assert (sent.event.instruction.stop, sent.event.instruction.target) == (D(97), D(105))
    asked = face.decided()[-1].proposal
    assert (asked.reason, asked.effect, asked.decision_price) == ("alpaca order mine", Effect.OPEN, D(100))
    assert asked.client_order_id == "mine"


async def test_an_entry_without_any_exit_plan_is_denied_and_none_is_invented() -> None:
    face = Face()
    face.desk = AlpacaDesk(face.gateway.desk, face.desk.updates, {BOT: agent()})
    await face.gateway.trade()
    found = await refused(face.buy())
    assert (found.status, found.error.code) == (422, 42210000)
    assert found.error.message == (
        "denied by exit_plan: The order opens a position and does not say how it will be left. "
        "Give exit_plan.stop. Send a bracket, or have a person add [agents.NAME.exit_plan] for this agent."
    )
    assert face.gateway.broker.sent == []
    await face.gateway.stop()


async def test_the_same_id_is_one_order_however_often_it_is_sent(face: Face) -> None:
    first = await face.buy()
    face.gateway.session.tell(MarketSeen(bar(2, 101, CHARLY)))
    await face.gateway.settle()
    assert await face.buy() == first
    assert {each.id for each in await asyncio.gather(*(face.buy() for _ in range(20)))} == {first.id}
    assert len(face.gateway.broker.sent) == 1
    assert len(face.decided()) == 1


async def test_sent_twenty_times_at_once_it_is_one_order_and_all_are_told(face: Face) -> None:
    answers = await asyncio.gather(*(face.buy() for _ in range(20)))
    assert {(each.id, each.status) for each in answers} == {(answers[0].id, "new")}
    assert len(face.gateway.broker.sent) == 1


async def test_two_ids_are_two_orders_and_two_agents_have_ids_of_their_own(face: Face) -> None:
    assert (await face.buy("a")).id != (await face.buy("b")).id
    denied = await refused(face.desk.submit(AGENT, order("a", symbol=ALFA)))
    assert denied.error.message.startswith("denied by strategy: ")


async def test_an_id_that_was_used_for_another_order_is_refused(face: Face) -> None:
    await face.buy()
    for other in ({"qty": D(11)}, {"side": "sell"}, {"type": "limit", "limit_price": D(99)}):
        found = await refused(face.buy(**other))
        assert (found.status, found.error.code) == (422, 42210000)
        assert found.error.message.startswith("client_order_id must be unique: mine")
    assert len(face.gateway.broker.sent) == 1


async def test_without_an_id_it_is_said_that_one_is_needed(face: Face) -> None:
    for name in (None, ""):
        found = await refused(face.buy(name))
        assert (found.status, found.error.code) == (422, 42210000)
        assert "Send one of your own" in found.error.message
    assert face.decided() == []


@pytest.fixture
def forgetful(face: Face) -> Face:
    """A bot that sends no ids, and whose same words are the same order for ninety seconds."""
    known = {BOT: agent(exit_plan=PLAN, dedupe_window_seconds=90)}
    face.desk = AlpacaDesk(face.gateway.desk, face.desk.updates, known)
    return face


async def test_without_an_id_the_same_words_are_the_same_order_within_the_window(forgetful: Face) -> None:
    first = await forgetful.desk.submit(BOT, order(None))
    assert (first.is_repeated, first.order.client_order_id) == (False, first.order.id)
    await forgetful.time(2)
    again = await forgetful.desk.submit(BOT, order(None))
    assert (again.is_repeated, again.order.id) == (True, first.order.id)
    (longer,) = {each.id for each in await asyncio.gather(*(forgetful.buy(None) for _ in range(9)))}
    assert longer == first.order.id
    assert len(forgetful.gateway.broker.sent) == 1


async def test_after_the_window_and_in_other_words_it_is_another_order(forgetful: Face) -> None:
    first = await forgetful.buy(None)
    other = await forgetful.buy(None, qty=D(11))
    named = await forgetful.buy("named")
    await forgetful.time(3)
    later = await forgetful.buy(None)
    assert len({first.id, other.id, named.id, later.id}) == 4
    assert (await forgetful.buy(None)).id == later.id
    assert len(forgetful.gateway.broker.sent) == 4


async def test_an_exit_without_an_id_leaves_again_when_a_position_stands_again(forgetful: Face) -> None:
    async def sell() -> Submitted:
        return await forgetful.desk.submit(BOT, order(None, side="sell"))

    sales = []
    for number in range(3):
        await forgetful.buy(f"buy {number}")
        forgetful.fill_last(f"e-buy-{number}")
        await forgetful.gateway.settle()
        sale, working = await sell(), await sell()
        assert (working.order.id, working.is_repeated) == (sale.order.id, True)
        await forgetful.finish_close(f"e-sell-{number}")
        flat = await sell()
        assert (flat.order.id, flat.order.status, flat.is_repeated) == (sale.order.id, "filled", True)
        sales.append(sale)
    assert [each.is_repeated for each in sales] == [False] * 3
    assert len({each.order.id for each in sales}) == 3


@pytest.fixture
def renaming(face: Face) -> Face:
    """A bot that makes a new id for each try."""
    known = {BOT: agent(exit_plan=PLAN, dedupe_window_seconds=90, client_ids="per_try")}
    face.desk = AlpacaDesk(face.gateway.desk, face.desk.updates, known)
    return face


async def test_a_new_id_for_each_try_is_one_order_where_ids_are_made_so(renaming: Face) -> None:
    names = [f"try {number}" for number in range(9)]
    answers = [await renaming.desk.submit(BOT, order(name)) for name in names[:3]]
    at_once = await asyncio.gather(*(renaming.desk.submit(BOT, order(name)) for name in [*names[3:], None]))
    assert [each.is_repeated for each in (*answers, *at_once)] == [False, *[True] * 9]
    assert {each.order.client_order_id for each in (*answers, *at_once)} == {"try 0"}
    assert len(renaming.gateway.broker.sent) == 1
    shown = renaming.desk.reads.order_by_client_order_id(BOT, [("client_order_id", "try 0")])
    assert shown.id == answers[0].order.id
    with pytest.raises(Refused, match="order not found for try 1"):
        renaming.desk.reads.order_by_client_order_id(BOT, [("client_order_id", "try 1")])


async def test_an_id_that_stands_for_an_order_does_so_after_the_window_too(renaming: Face) -> None:
    first = await renaming.buy("first")
    await renaming.time(3)
    assert (await renaming.buy("second")).id != first.id
    assert (await renaming.buy("first")).id == first.id
    found = await refused(renaming.buy("first", qty=D(11)))
    assert found.error.message.startswith("client_order_id must be unique: first")
    assert (await renaming.buy("third", qty=D(11))).client_order_id == "third"
    assert len(renaming.gateway.broker.sent) == 3


async def test_two_ids_of_a_bot_that_means_them_are_two_orders_of_the_same_words(forgetful: Face) -> None:
    assert (await forgetful.buy("first")).id != (await forgetful.buy("second")).id
    assert len(forgetful.gateway.broker.sent) == 2


async def test_what_was_denied_without_an_id_is_decided_anew(forgetful: Face) -> None:
    for _ in range(2):
        await refused(forgetful.buy(None, qty=D(5_000)))
    assert len(forgetful.decided()) == 2


async def test_an_order_that_is_sent_again_says_so(face: Face) -> None:
    assert (await face.desk.submit(BOT, order())).is_repeated is False
    assert (await face.desk.submit(BOT, order())).is_repeated is True
    at_once = await asyncio.gather(*(face.desk.submit(BOT, order("at once")) for _ in range(25)))
    assert sorted(each.is_repeated for each in at_once) == [False, *[True] * 24]


async def test_a_float_with_noise_is_taken_as_meant(face: Face) -> None:
    noisy = await face.buy(type="limit", limit_price=D("99.1000000000000014"))
    assert str(noisy.limit_price) == "99.10"
    with pytest.raises(BadValue, match=r"limit_price: expected a multiple of 0.01, found 99.105"):
        await face.buy("other", type="limit", limit_price=D("99.105"))


async def test_a_silent_broker_is_pending_new_and_the_retry_is_the_same_order() -> None:
    face = Face(answer_wait_seconds=0.02)
    face.gateway.broker.on_submit = None
    await face.gateway.trade()
    first, again = await face.buy(), await face.buy()
    assert (first.status, again.id) == ("pending_new", first.id)
    assert len(face.gateway.broker.sent) == 1
    await face.gateway.stop()


async def test_what_cannot_be_recorded_is_not_answered_as_done(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(face.gateway.journal, "append", refuse)
    with pytest.raises(StoreError):
        await face.buy()
    assert face.gateway.broker.sent == []


# Denied, stopped, rejected.


async def test_while_halted_it_is_denied_with_what_to_do_and_the_id_may_be_tried_again(face: Face) -> None:
    face.gateway.switch.state = TradingState.HALTED
    await face.gateway.session.ask(SwitchSeen(face.gateway.switch.read()))
    for _ in range(5):
        found = await refused(face.buy())
        assert (found.status, found.error.code) == (403, 40310000)
        assert found.error.message.startswith("denied by trading_state: Trading is halted")
        assert "A person settles the reasons, then opens or resumes a window." in found.error.message
    assert len({each.proposal.id for each in face.decided()}) == 5
    assert face.desk.reads.orders(BOT, [("status", "all")]) == []
    with pytest.raises(Refused, match="order not found for mine"):
        face.desk.reads.order_by_client_order_id(BOT, [("client_order_id", "mine")])
    with pytest.raises(Refused, match="order not found for"):
        face.desk.reads.order(BOT, face.decided()[0].proposal.id, [])


async def test_what_was_denied_may_be_approved_later_under_its_id_once(face: Face) -> None:
    for _ in range(3):
        await refused(face.buy(qty=D(5_000)))
    bought = await face.buy()
    assert (await face.buy()).id == bought.id
    assert face.desk.reads.order_by_client_order_id(BOT, [("client_order_id", "mine")]) == bought
    assert len(face.gateway.broker.sent) == 1


async def test_without_a_window_or_a_price_the_denial_names_it(face: Face) -> None:
    face.gateway.session.engine.market.marks.pop(CHARLY)
    assert (await refused(face.buy("a"))).error.message.startswith("denied by quote: No price")
    await face.gateway.session.ask(WindowCloseAsked("ada", "the end"))
    found = await refused(face.buy("b"))
    assert (found.status, found.error.code) == (403, 40310000)


async def test_what_the_broker_rejects_is_refused_in_its_words(face: Face) -> None:
    def reject(sent: Any) -> None:
        name = client_id_of(sent.sealed)
        face.gateway.session.broker(report(ReportKind.REJECTED, name, reason="insufficient buying power"))

    face.gateway.broker.on_submit = reject
    for _ in range(2):
        found = await refused(face.buy())
        assert (found.status, found.error.code) == (403, 40310000)
        assert found.error.message == "rejected by the broker: insufficient buying power"
    assert [each.status for each in face.desk.reads.orders(BOT, [("status", "closed")])] == ["rejected"] * 3


async def test_what_was_stopped_before_the_wire_is_refused_and_says_so(face: Face) -> None:
    def lose(sent: Any) -> None:
        name = client_id_of(sent.sealed)
        told = report(ReportKind.NOT_SENT, name, broker_order_id=None, reason="no connection")
        face.gateway.session.broker(told)

    face.gateway.broker.on_submit = lose
    found = await refused(face.buy())
    assert found.error.message.startswith("withheld: no connection. The broker has not seen it")
    shown = face.desk.reads.order_by_client_order_id(BOT, [("client_order_id", "mine")])
    assert (shown.status, shown.failed_at) == ("rejected", shown.updated_at)


# Brackets, sales, closes.


async def test_a_bracket_is_its_own_exit_plan(face: Face) -> None:
    legs: dict[str, Any] = {
        "take_profit": TakeProfit(limit_price=D(110)),
        "stop_loss": StopLoss(stop_price=D(95)),
    }
    await face.buy(order_class="bracket", **legs)
    assert face.decided()[-1].proposal.exit_plan == ExitPlan(stop=D(95), target=D(110))
    inside_out: dict[str, Any] = {
        "take_profit": TakeProfit(limit_price=D(95)),
        "stop_loss": StopLoss(stop_price=D(110)),
    }
    found = await refused(face.buy("other", order_class="bracket", **inside_out))
    assert (found.status, found.error.code) == (422, 42210000)
    assert found.error.message.startswith("denied by stop_price: ")


async def test_a_sale_of_the_whole_closes_by_our_procedure(face: Face) -> None:
    await face.hold()
    sale = await face.buy("sale", side="sell")
    assert (sale.status, sale.order_class, sale.position_intent) == ("pending_new", "simple", "sell_to_close")
    assert face.gateway.order(face.decided()[-1].proposal.id).effect is Effect.CLOSE
    assert len(face.gateway.broker.canceled) == 2


async def test_a_sale_of_a_part_that_protection_holds_closes_that_part(face: Face) -> None:
    await face.hold()
    sale = await face.buy("sale", side="sell", qty=D(4))
    assert (sale.status, sale.qty) == ("pending_new", D(4))
    assert face.decided()[-1].proposal.effect is Effect.CLOSE
    too_much = await refused(face.buy("more", side="sell", qty=D(11)))
    assert too_much.error.message.startswith("denied by reduces: ")
    await face.finish_close("e-sale")
    assert face.gateway.session.engine.state.book.position(CHARLY) == 6
    await face.buy("rest", side="sell", qty=D(2))
    assert face.decided()[-1].proposal.effect is Effect.REDUCE, "nothing holds what is bare"


async def test_a_sale_of_a_part_is_denied_where_nobody_protects_what_stays(face: Face) -> None:
    await face.hold()
    rules = face.gateway.session.engine.rules
    unit = rules.grants.pop(EXITS)
    found = await refused(face.buy("sale", side="sell", qty=D(4)))
    rules.grants[EXITS] = unit
    assert (found.status, found.error.code) == (403, 40310000)
    assert found.error.message.startswith("denied by reduces: ")
    at_a_price = await refused(face.buy("dear", side="sell", qty=D(4), type="limit", limit_price=D(101)))
    assert at_a_price.error.message.startswith("denied by reduces: ")


async def test_a_part_that_was_sold_without_an_id_is_not_sold_again_in_the_window(forgetful: Face) -> None:
    async def sell() -> Submitted:
        return await forgetful.desk.submit(BOT, order(None, side="sell", qty=D(4)))

    await forgetful.hold()
    await forgetful.time(2)
    first = await sell()
    await forgetful.finish_close("e-part")
    again = await sell()
    assert (again.order.id, again.order.status, again.is_repeated) == (first.order.id, "filled", True)
    assert forgetful.gateway.session.engine.state.book.position(CHARLY) == 6
    await forgetful.time(5)
    later = await sell()
    assert (later.is_repeated, later.order.id == first.order.id) == (False, False)


async def test_exits_rest_as_long_as_they_are_wanted_to(face: Face) -> None:
    await face.hold()
    assert (await face.buy("sale", side="sell", time_in_force="gtc")).status == "pending_new"
    assert face.decided()[-1].proposal.time_in_force is TimeInForce.GTC


async def test_a_close_asked_twice_is_one_order_and_a_later_one_another(face: Face) -> None:
    await face.hold()
    answers = await asyncio.gather(*(face.desk.close(BOT, CHARLY, []) for _ in range(5)))
    closes = [each.order for each in answers]
    assert sorted(each.is_repeated for each in answers) == [False, *[True] * 4]
    assert len({each.id for each in closes}) == 1
    assert (closes[0].side, closes[0].type, closes[0].qty) == ("sell", "market", D(10))
    assert len(face.decided()) == 2
    with pytest.raises(Refused, match="position does not exist: ALFA"):
        await face.desk.close(BOT, ALFA, [])


@pytest.mark.parametrize("asked", (("qty", "4"), ("percentage", "40.000000000000001")))
async def test_a_part_is_closed_once_however_often_it_is_asked_in_the_window(
    forgetful: Face, asked: tuple[str, str]
) -> None:
    await forgetful.hold()
    answers = await asyncio.gather(*(forgetful.desk.close(BOT, CHARLY, [asked]) for _ in range(5)))
    assert sorted(each.is_repeated for each in answers) == [False, *[True] * 4]
    (number,) = {each.order.id for each in answers}
    assert (answers[0].order.side, answers[0].order.qty) == ("sell", D(4))
    await forgetful.finish_close("e-part")
    book = forgetful.gateway.session.engine.state.book
    assert book.position(CHARLY) == 6
    again = await forgetful.desk.close(BOT, CHARLY, [asked])
    assert (again.order.id, again.order.status, again.is_repeated) == (number, "filled", True)
    await forgetful.time(3)
    later = await forgetful.desk.close(BOT, CHARLY, [asked])
    assert (later.is_repeated, later.order.id == number) == (False, False)
    assert later.order.qty == (D(4) if asked[0] == "qty" else D(2))


async def test_other_parts_are_other_closes_and_none_takes_more_than_is_held(forgetful: Face) -> None:
    await forgetful.hold()
    first = await forgetful.desk.close(BOT, CHARLY, [("qty", "4")])
    other = await forgetful.desk.close(BOT, CHARLY, [("qty", "6")])
    assert first.order.id != other.order.id
    for parameter in (("qty", "1"), ("percentage", "50")):
        found = await refused(forgetful.desk.close(BOT, CHARLY, [parameter]))
        assert found.error.message.startswith("denied by reduces: ")


async def test_a_part_of_the_next_position_is_another(forgetful: Face) -> None:
    await forgetful.hold()
    first = await forgetful.desk.close(BOT, CHARLY, [("qty", "10")])
    await forgetful.finish_close("e-first")
    await forgetful.buy("again")
    forgetful.fill_last("e-again")
    await forgetful.gateway.settle()
    second = await forgetful.desk.close(BOT, CHARLY, [("qty", "10")])
    assert (second.is_repeated, second.order.id == first.order.id) == (False, False)


async def test_a_part_of_which_nothing_came_may_be_asked_again(forgetful: Face) -> None:
    await forgetful.hold()
    person = Scope(ScopeKind.AGENT, BOT)
    await forgetful.gateway.desk.halt(person, TradingState.HALTED, "ada", "look")
    for _ in range(2):
        found = await refused(forgetful.desk.close(BOT, CHARLY, [("qty", "4")]))
        assert found.error.message.startswith("denied by trading_state: ")
    assert len(forgetful.decided()) == 3


async def test_a_part_needs_the_time_for_which_its_words_count(face: Face) -> None:
    await face.hold()
    found = await refused(face.desk.close(BOT, CHARLY, [("qty", "4")]))
    assert (found.status, found.error.code) == (422, 42210000)
    assert "dedupe_window_seconds" in found.error.message
    assert (await face.desk.close(BOT, CHARLY, [("percentage", "100")])).order.qty == D(10)


async def test_a_close_that_was_denied_may_be_asked_again(face: Face) -> None:
    await face.hold()
    person = Scope(ScopeKind.AGENT, BOT)
    await face.gateway.desk.halt(person, TradingState.HALTED, "ada", "look")
    first = await refused(face.desk.close(BOT, CHARLY, []))
    assert first.error.message.startswith("denied by trading_state: ")
    again = await refused(face.desk.close(BOT, CHARLY, []))
    assert again.error.message == first.error.message
    assert len(face.decided()) == 3


# Looking and canceling.


async def test_a_position_is_shown_to_its_owner_alone(face: Face) -> None:
    await face.hold()
    (position,) = face.desk.reads.positions(BOT, [])
    assert (position.symbol, position.qty, position.side, position.current_price) == (
        *(CHARLY, D(10), "long", D(100)),
    )
    assert (position.cost_basis, position.market_value, position.unrealized_pl) == (D(1000), D(1000), D(0))
    assert position.qty_available == 0
    assert face.desk.reads.position(BOT, position.asset_id, []) == position
    assert face.desk.reads.positions(AGENT, []) == []
    with pytest.raises(Refused, match="position does not exist") as hidden:
        face.desk.reads.position(AGENT, CHARLY, [])
    assert (hidden.value.status, hidden.value.error.code) == (404, 40410000)


async def test_orders_are_found_by_their_ids_and_only_by_their_agent(face: Face) -> None:
    bought = await face.buy(type="limit", limit_price=D(99))
    stop, target = bought.legs or ()
    for each in (bought, stop, target):
        assert face.desk.reads.order(BOT, each.id, []).id == each.id
        by_name = face.desk.reads.order_by_client_order_id(BOT, [("client_order_id", each.client_order_id)])
        assert by_name.id == each.id
        for name in (each.id, derive_order_id("nobody's"), "no id", f"{bought.id}/stop"):
            with pytest.raises(Refused) as hidden:
                face.desk.reads.order(AGENT, name, [])
            assert hidden.value.status == 404
    assert face.desk.reads.order(BOT, bought.id, [("nested", "true")]).legs == bought.legs
    assert face.desk.reads.order(BOT, bought.id, []).legs is None


async def test_an_order_that_came_in_our_own_words_is_known_by_what_it_was_proposed_as(face: Face) -> None:
    ours = await face.gateway.desk.propose(encode(to_body(proposal())), AGENT)
    (shown, *legs) = face.desk.reads.orders(AGENT, [("direction", "asc")])
    assert (shown.id, shown.client_order_id, len(legs)) == (ours.order.id, proposal().client_order_id, 2)
    for name in (shown.id, shown.client_order_id):
        asked = [("client_order_id", name)]
        assert face.desk.reads.order_by_client_order_id(AGENT, asked).id == shown.id
        with pytest.raises(Refused):
            face.desk.reads.order_by_client_order_id(BOT, asked)
    assert face.desk.reads.orders(BOT, []) == []


# Another agent's order is never taken for one's own.


async def plant(face: Face, order_id: OrderId) -> None:
    """An order of another agent's under this id; no client can bring that about."""
    planted = proposal(id=order_id, legs=(Leg(ALFA),), quantity=D(1))
    await face.gateway.session.ask(Proposed(planted))
    assert face.gateway.order(order_id).agent == AGENT


async def test_no_words_of_another_agent_take_an_id(forgetful: Face) -> None:
    wordless = (await forgetful.buy(None)).id
    words = (("alpaca", "mine"), ("alpaca close", CHARLY))
    ours = {derive_agents_order_id(BOT, *each, 0) for each in words}
    for name in (wordless, *ours):
        body = json.loads(encode(to_body(proposal()))) | {"proposal_id": name}
        theirs = await forgetful.gateway.desk.propose(json.dumps(body).encode(), AGENT)
        assert (theirs.order.agent, theirs.order.proposal_id) == (AGENT, name)
        assert theirs.order.id not in {wordless, *ours}
    assert (await forgetful.buy("mine")).id in ours


@pytest.mark.parametrize("name", ("mine", None))
async def test_an_order_passes_over_another_agents_id(forgetful: Face, name: str | None) -> None:
    wish = wish_of(order(name), forgetful.gateway.session.engine.rules.instruments)
    words = ("alpaca", name) if name else ("alpaca words", wish.digest(BOT))
    taken = derive_agents_order_id(BOT, *words, 0)
    await plant(forgetful, taken)
    answer = await forgetful.desk.submit(BOT, order(name))
    assert (answer.is_repeated, answer.order.symbol, answer.order.qty) == (False, CHARLY, D(10))
    assert answer.order.id != taken


async def test_a_close_passes_over_another_agents_id(face: Face) -> None:
    await face.hold()
    await plant(face, derive_agents_order_id(BOT, "alpaca close", CHARLY, 0))
    answer = await face.desk.close(BOT, CHARLY, [])
    assert (answer.order.symbol, answer.order.side, answer.order.qty) == (CHARLY, "sell", D(10))


async def test_a_leg_is_found_whatever_another_agent_has_under_its_id(face: Face) -> None:
    stop, _ = (await face.buy()).legs or ()
    await plant(face, OrderId(stop.id))
    assert face.desk.reads.order(BOT, stop.id, []) == stop


async def test_orders_are_listed_as_asked(face: Face) -> None:
    await face.buy("a", type="limit", limit_price=D(99))
    await face.buy("b", type="limit", limit_price=D(98))

    def names(*pairs: tuple[str, str]) -> list[str]:
        return [each.client_order_id for each in face.desk.reads.orders(BOT, [("nested", "True"), *pairs])]

    assert names() == ["b", "a"]
    assert names(("direction", "asc")) == ["a", "b"]
    assert names(("limit", "1")) == ["b"]
    assert names(("status", "closed")) == []
    assert names(("status", "all"), ("symbols", "CHARLY,ALFA")) == ["b", "a"]
    assert names(("symbols", "ALFA")) == []
    assert names(("after", "2026-11-20T14:31:00 00:00")) == []
    assert names(("until", "2026-11-21")) == ["b", "a"]
    assert len(face.desk.reads.orders(BOT, [])) == 6
    assert [each.side for each in face.desk.reads.orders(BOT, [("side", "sell")])] == ["sell"] * 4


@pytest.mark.parametrize(
    "pairs",
    (
        [("limit", "0")],
        [("limit", "501")],
        [("status", "new")],
        [("sort", "x")],
        [("side", "buy"), ("side", "buy")],
        [("after", "yesterday")],
        [("nested", "perhaps")],
    ),
)
async def test_parameters_that_cannot_be_are_refused_by_name(
    face: Face, pairs: list[tuple[str, str]]
) -> None:
    with pytest.raises(BadValue):
        face.desk.reads.orders(BOT, pairs)


async def test_an_entry_is_canceled_and_its_protection_is_not(face: Face) -> None:
    resting = await face.buy("resting", type="limit", limit_price=D(99))
    await face.desk.cancel(BOT, resting.id, [])
    assert face.desk.reads.order(BOT, resting.id, []).status == "pending_cancel"
    assert face.gateway.broker.canceled == [resting.id]
    bought = await face.hold()
    stop, _ = bought.legs or ()
    with pytest.raises(Refused, match="it protects a position") as kept:
        await face.desk.cancel(BOT, stop.id, [])
    assert (kept.value.status, kept.value.error.code) == (422, 42210000)
    with pytest.raises(Refused, match="the order is filled already"):
        await face.desk.cancel(BOT, bought.id, [])
    with pytest.raises(Refused, match="order not found") as hidden:
        await face.desk.cancel(AGENT, resting.id, [])
    assert hidden.value.status == 404


# One order in the place of another.


async def replaced(face: Face, old: Order, **asked: Any) -> Submitted:
    """The order that comes in the place of `old`, taken by the broker."""
    return await face.desk.replace(BOT, old.id, OrderReplacement(**asked))


async def test_an_order_is_replaced_once_however_often_it_is_asked(face: Face) -> None:
    old = await face.buy(type="limit", limit_price=D(99))
    asked = {"limit_price": D(98), "client_order_id": "second"}
    answers = [await replaced(face, old, **asked), await replaced(face, old, **asked)]
    assert [each.is_repeated for each in answers] == [False, True]
    assert {each.order.id for each in answers} == {answers[0].order.id}
    new = answers[0].order
    assert (new.client_order_id, new.limit_price, new.replaces) == ("second", D(98), old.id)
    assert len(face.gateway.broker.sent) == 2
    by_name = [("client_order_id", "second")]
    assert face.desk.reads.order_by_client_order_id(BOT, by_name).id == new.id
    found = await refused(replaced(face, old, limit_price=D(97), client_order_id="second"))
    assert found.error.message.startswith("client_order_id must be unique: second")


async def test_asked_at_once_it_is_one_replacement(face: Face) -> None:
    old = await face.buy(type="limit", limit_price=D(99))
    answers = await asyncio.gather(*(replaced(face, old, limit_price=D(98)) for _ in range(9)))
    assert len({each.order.id for each in answers}) == 1
    assert len(face.gateway.broker.sent) == 2


async def test_a_new_id_for_each_try_is_one_replacement_where_ids_are_made_so(renaming: Face) -> None:
    old = await renaming.buy(type="limit", limit_price=D(99))
    tries = [await replaced(renaming, old, limit_price=D(98), client_order_id=f"try {n}") for n in range(3)]
    assert {each.order.client_order_id for each in tries} == {"try 0"}
    found = await refused(replaced(renaming, old, limit_price=D(97), client_order_id="other"))
    assert found.error.message.startswith("client_order_id must be unique: ")
    assert len(renaming.gateway.broker.sent) == 2


async def test_what_cannot_be_replaced_is_refused_and_what_is_denied_stays(face: Face) -> None:
    old = await face.buy(type="limit", limit_price=D(99))
    for says, asked in (
        ("changes: expected at least one value that is another", {"limit_price": D(99)}),
        ("stop_price: a limit order has none", {"stop_price": D(90)}),
        ("denied by price_collar: ", {"limit_price": D(9)}),
    ):
        found = await refused(replaced(face, old, **asked))
        assert found.error.message.startswith(says)
    assert face.desk.reads.order(BOT, old.id, []).status == "new"
    with pytest.raises(Refused, match="order not found"):
        await face.desk.replace(AGENT, old.id, OrderReplacement(limit_price=D(98)))
    assert len(face.gateway.broker.sent) == 1


async def test_all_that_works_is_canceled_and_what_may_not_be_is_said(face: Face) -> None:
    bought = await face.hold()
    resting = [await face.buy(f"resting {price}", type="limit", limit_price=D(price)) for price in (98, 99)]
    lines = {each.id: each for each in await face.desk.cancel_all(BOT, [])}
    legs = [leg.id for leg in bought.legs or ()]
    assert set(lines) == {*legs, *(each.id for each in resting)}
    assert {lines[each.id].status for each in resting} == {200}
    for leg in legs:
        assert lines[leg].status == 422
        assert "it protects a position" in (lines[leg].body or {})["message"]
    assert set(face.gateway.broker.canceled) == {each.id for each in resting}
    assert await face.desk.cancel_all(AGENT, []) == []


@pytest.mark.parametrize("cancel_orders", ("true", "false"))
async def test_all_that_is_held_is_closed_with_a_line_for_each(face: Face, cancel_orders: str) -> None:
    await face.hold()
    resting = await face.buy("resting", type="limit", limit_price=D(98))
    assert await face.desk.close_all(AGENT, []) == []
    (closed,) = await face.desk.close_all(BOT, [("cancel_orders", cancel_orders)])
    assert (closed.symbol, closed.status, closed.body["side"], closed.body["qty"]) == (
        *(CHARLY, 200, "sell", "10"),
    )
    (again,) = await face.desk.close_all(BOT, [])
    assert again.body["id"] == closed.body["id"]
    assert face.gateway.broker.canceled.count(OrderId(resting.id)) == 1


async def test_a_position_that_may_not_be_closed_says_why_in_its_line(face: Face) -> None:
    await face.hold()
    await face.gateway.desk.halt(Scope(ScopeKind.AGENT, BOT), TradingState.HALTED, "ada", "look")
    (line,) = await face.desk.close_all(BOT, [])
    assert (line.status, line.body["code"]) == (403, 40310000)
    assert line.body["message"].startswith("denied by trading_state: ")


async def test_one_that_cannot_be_taken_now_hides_no_other(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    await face.hold()
    resting = [await face.buy(f"resting {price}", type="limit", limit_price=D(price)) for price in (98, 99)]
    cancel = face.gateway.desk.cancel

    async def crowded(name: str, *who: Any) -> OrderId:
        if name == resting[0].id:
            raise InboxFull("1000 inputs are waiting")
        return await cancel(name, *who)

    monkeypatch.setattr(face.gateway.desk, "cancel", crowded)
    lines = {each.id: each for each in await face.desk.cancel_all(BOT, [])}
    assert [lines[each.id].status for each in resting] == [429, 200]
    assert lines[resting[0].id].body == {"code": 42910000, "message": "1000 inputs are waiting"}

    async def crowd(_: Proposal) -> NoReturn:
        raise InboxFull("1000 inputs are waiting")

    monkeypatch.setattr(face.gateway.desk, "decide", crowd)
    (line,) = await face.desk.close_all(BOT, [])
    assert (line.symbol, line.status, line.body["code"]) == (CHARLY, 429, 42910000)


async def test_account_and_clock_wait_until_they_are_known() -> None:
    face = Face()
    with pytest.raises(NotReady):
        face.desk.reads.account(BOT, [])
    with pytest.raises(NotReady):
        face.desk.reads.clock([])
    with pytest.raises(NotReady):
        await face.buy()
    await face.gateway.stop()
