"""The order of events in the strategy host, each rule by the smallest sequence that breaks without it."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.app.marketdata.live import LiveMarket
from agenttrader.indicators.compiled import Compiled
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Bar, StatusChange, TradingStatus, Watermark
from agenttrader.model.orders import Effect, OrderType, Proposal, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, SECOND, Instant, rfc3339
from agenttrader.protocols.native import (
    AccountBody,
    AnswerBody,
    DecisionBody,
    ExitPlanBody,
    FillMade,
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    Snapshot,
    TradingBody,
    TradingChanged,
    WatermarkReached,
)
from agenttrader.runtime.hearing import GatewayLost
from agenttrader.runtime.strategy_host import InboxPolicy, StrategyHost
from agenttrader.runtime.strategy_messages import (
    Answered,
    GivenUp,
    Output,
    Propose,
    Remember,
    Settled,
    Written,
)
from agenttrader.strategies.contract import Fill, Strategy, before_close, flat, long, on_fill, on_timer, when
from agenttrader.strategies.expressions import close, sma
from agenttrader.strategies.hosted import Hosted
from agenttrader.strategies.memory import Memory
from agenttrader.strategies.ticket import Ticket

D = Decimal
AGENT = AgentName("mo")
SESSION = Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE))
HALF_DAY = Session(date="2026-11-27", open=Instant(0), close=Instant(210 * MINUTE))
ACCOUNT = AccountBody(
    equity=D(0),
    cash=D(0),
    realised=D(0),
    unrealised=D(0),
    fees=D(0),
    gross_exposure=D(0),
    dead_machine_loss=D(0),
)
TRADING = TradingBody(state="active", reasons=(), mode="paper")


class Levels(Strategy):
    """Buys above 100, sells below 90, hears of fills at 13, sells before the close."""

    mean = sma(close, 2)

    @on_fill
    def note(self, fill: Fill, order: Ticket) -> Proposal | None:
        return order.close(f"filled at 13, mean {self.mean:.1f}") if fill.price == D(13) else None

    @when(close > 100, flat)
    def enter(self, order: Ticket) -> Proposal | None:
        return order.buy(
            D(10), f"{order.price}", stop=order.price - 5, trail=D(2), until=order.before_close(5)
        )

    @when(close < 90, long)
    def leave(self, order: Ticket) -> Proposal | None:
        return order.close(f"{order.price}")

    @on_timer(before_close(minutes=10), long)
    def end(self, order: Ticket) -> Proposal | None:
        return order.close("timer")


def at(minute: float) -> Instant:
    return Instant(round(minute * MINUTE))


class Scene:
    """A host, and short words for what reaches it and what it says."""

    def __init__(
        self,
        compiled: Compiled,
        *symbols: str,
        policy: InboxPolicy = InboxPolicy.WATERMARK,
        session: Session = SESSION,
        connect: bool = True,
    ) -> None:
        self.host = StrategyHost(
            {
                Symbol(symbol): Hosted(
                    Levels,
                    {},
                    agent=AGENT,
                    name=StrategyName("levels"),
                    instrument=Equity(symbol=Symbol(symbol), tick=D("0.01"), lot=D(1)),
                    session=session,
                    compiled=compiled,
                )
                for symbol in symbols or ("ALFA",)
            },
            agent=AGENT,
            session=session,
            policy=policy,
        )
        self.proposals: list[Proposal] = []
        self.memories: list[Memory] = []
        self.disk_works = True
        if connect:
            self.snapshot(None)

    def take(self, received: Any) -> list[str]:
        return self.read(self.host.handle(received))

    def read(self, outputs: tuple[Output, ...]) -> list[str]:
        """What the host says, in words: `buy ALFA`, `close ALFA: why`, `settled 3`."""
        said = []
        for output in outputs:
            match output:
                case Settled():
                    said.append(f"settled {output.time // MINUTE}")
                case GivenUp():
                    said.append(f"gave up {output.order_id}")
                case Remember():
                    self.memories.append(output.memory)
                    said += self.take(Written(durably=self.disk_works))
                case Propose():
                    self.proposals.append(output.proposal)
                    opens = output.proposal.effect is Effect.OPEN
                    what = (
                        output.proposal.side.value
                        if opens
                        else f"close {output.proposal.reason.partition(':')[0]}"
                    )
                    said.append(f"{what} {output.proposal.symbol}")
        return said

    def market(self, minute: float, **closes: float) -> list[str]:
        """A bar for each symbol that ends at `minute`, then the watermark."""
        said: list[str] = []
        for symbol, price in closes.items():
            said += self.take(bar(minute, price, symbol))
        return said + self.take(Watermark(time=at(minute)))

    def gateway(self, minute: float, *messages: Any) -> list[str]:
        """What the gateway says up to its watermark `minute`."""
        said: list[str] = []
        for message in messages:
            said += self.take(message)
        return said + self.take(WatermarkReached(time=rfc3339(at(minute))))

    def minute(self, minute: float, *messages: Any, **closes: float) -> list[str]:
        """A whole minute: the market data first, then the gateway."""
        assert self.market(minute, **closes) == []
        return self.gateway(minute, *messages)

    def snapshot(
        self, minute: float | None, *orders: OrderBody, positions: tuple[PositionBody, ...] = ()
    ) -> list[str]:
        watermark = None if minute is None else rfc3339(at(minute))
        message = Snapshot(
            watermark=watermark, orders=orders, positions=positions, account=ACCOUNT, trading=TRADING
        )
        return self.take(message)

    def answer(self, state: str = "accepted", **changes: Any) -> list[str]:
        """The answer to the last proposal."""
        body = order_of(self.proposals[-1], state, **changes)
        decision = DecisionBody(code="approved", sentence="", checks=())
        return self.take(Answered(AnswerBody(order=body, state=state, decision=decision)))

    def tell(self, state: str, **changes: Any) -> list[str]:
        """The stream's word on the last proposal's order."""
        return self.take(OrderChanged(order=order_of(self.proposals[-1], state, **changes)))


def bar(minute: float, price: float, symbol: str = "ALFA", reach: float = 0) -> Bar:
    value, interval = D(str(price)), MINUTE
    return Bar(
        symbol=Symbol(symbol),
        start=Instant(at(minute) - interval),
        interval=interval,
        open=value,
        high=value + D(str(reach)),
        low=value - D(str(reach)),
        close=value,
        volume=D(100),
    )


def order(state: str, order_id: str = "x", **changes: Any) -> OrderBody:
    values: dict[str, Any] = {
        "id": OrderId(order_id),
        "agent": AGENT,
        "strategy": StrategyName("levels"),
        "symbol": Symbol("ALFA"),
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "effect": Effect.OPEN,
        "role": "entry",
        "quantity": D(10),
        "filled_quantity": D(0),
        "state": state,
        "reason": "",
        "time": rfc3339(at(1)),
    }
    return OrderBody(**(values | changes))


def order_of(proposal: Proposal, state: str, **changes: Any) -> OrderBody:
    opens = proposal.effect is Effect.OPEN
    return order(
        state,
        proposal.id,
        **(
            {"symbol": proposal.symbol, "side": proposal.side, "effect": proposal.effect}
            | {"role": "entry" if opens else "exit"}
            | changes
        ),
    )


def filled_entry(
    minute: float = 1, price: float = 101, plan: ExitPlanBody | None = None, **changes: Any
) -> OrderBody:
    value = D(str(price))
    return order(
        "filled",
        "entry",
        filled_quantity=D(10),
        average_price=value,
        time=rfc3339(at(minute)),
        exit_plan=plan,
        **changes,
    )


def position(quantity: int = 10, symbol: str = "ALFA", **changes: Any) -> PositionBody:
    values: dict[str, Any] = {
        "average_price": D(101),
        "mark": D(101),
        "unrealised": D(0),
        "protected_quantity": D(0),
    }
    return PositionBody(symbol=Symbol(symbol), quantity=D(quantity), **(values | changes))


def holds(*positions: PositionBody) -> PositionsChanged:
    return PositionsChanged(positions=positions)


def fill(price: int, symbol: str = "ALFA", execution: str = "1") -> FillMade:
    return FillMade(
        order_id=OrderId("entry"),
        symbol=Symbol(symbol),
        side=Side.BUY,
        quantity=D(10),
        price=D(price),
        fee=D(0),
        time=rfc3339(at(1)),
        execution_id=ExecutionId(execution),
    )


def test_what_another_is_closing_is_not_closed_again(compiled: Compiled) -> None:
    scene = Scene(compiled)
    scene.minute(1, ALFA=100)
    assert scene.minute(2, holds(position(closing=True)), ALFA=85) == ["settled 2"]
    assert scene.minute(3, holds(position()), ALFA=85) == ["close 85 ALFA"]


class TestWhenItSteps:
    def test_the_open_is_settled_once_the_gateway_is_there(self, compiled: Compiled) -> None:
        scene = Scene(compiled, connect=False)
        assert scene.market(0) == []
        assert scene.host.waits_for == "the gateway"
        assert scene.snapshot(None) == []
        assert scene.host.waits_for == "the gateway"
        assert scene.gateway(0) == ["settled 0"]
        assert scene.host.waits_for is None

    def test_a_snapshot_may_say_that_the_gateway_is_there(self, compiled: Compiled) -> None:
        scene = Scene(compiled, connect=False)
        assert scene.snapshot(0) == []
        assert scene.host.waits_for == "market data"
        assert scene.market(0) == ["settled 0"]

    def test_by_watermark_both_must_have_told_everything(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.gateway(0) == []
        assert scene.market(0) == ["settled 0"]
        assert scene.market(1, ALFA=50) == []
        assert scene.market(2, ALFA=50) == []
        assert scene.gateway(1) == ["settled 1"]
        assert scene.gateway(2) == ["settled 2"]

    def test_by_arrival_the_market_data_suffices(self, compiled: Compiled) -> None:
        scene = Scene(compiled, policy=InboxPolicy.ARRIVAL, connect=False)
        assert scene.market(0) == []
        assert scene.snapshot(0) == ["settled 0"]
        assert scene.market(1, ALFA=101) == ["buy ALFA"]
        assert scene.market(2, ALFA=101) == []
        assert scene.answer() == ["settled 1", "settled 2"]

    def test_a_status_and_other_news_move_nothing(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        halted = StatusChange(symbol=Symbol("ALFA"), time=at(1), status=TradingStatus.HALTED, reason="")
        assert scene.take(halted) == []
        assert scene.take(TradingChanged(trading=TRADING)) == []


class TestWhatItDecidesOn:
    def test_a_fill_is_taken_before_the_decision(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, filled_message(), holds(position()), ALFA=101) == ["settled 1"]

    def test_what_comes_after_the_watermark_waits_for_the_step(self, compiled: Compiled) -> None:
        """The gateway runs ahead: its word on minute 2 must not change what is decided at minute 1."""
        scene = Scene(compiled)
        assert scene.gateway(1) == []
        assert scene.gateway(2, filled_message(), holds(position())) == []
        assert scene.market(1, ALFA=101) == ["buy ALFA"]
        assert scene.answer() == ["settled 1"]
        assert scene.market(2, ALFA=80) == ["close 80 ALFA"]

    def test_by_arrival_what_has_come_counts(self, compiled: Compiled) -> None:
        scene = Scene(compiled, policy=InboxPolicy.ARRIVAL)
        scene.gateway(0)
        scene.gateway(2, filled_message(), holds(position()))
        assert scene.market(1, ALFA=101) == ["settled 1"]

    def test_an_entry_that_works_is_not_flat(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, ALFA=101) == ["buy ALFA"]
        assert scene.answer("accepted") == ["settled 1"]
        assert scene.minute(2, ALFA=101) == ["settled 2"]
        assert scene.minute(3, OrderChanged(order=order_of(scene.proposals[-1], "canceled")), ALFA=101) == [
            "buy ALFA"
        ]

    @pytest.mark.parametrize(
        "state", ("pending_approval", "sending", "unknown", "cancel_requested", "suspended")
    )
    def test_an_entry_that_may_work_is_not_flat(self, state: str, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, OrderChanged(order=order(state)), ALFA=101) == ["settled 1"]

    @pytest.mark.parametrize("state", ("denied", "withheld", "rejected", "canceled", "expired"))
    def test_an_entry_that_has_ended_without_a_fill_leaves_flat(self, state: str, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, OrderChanged(order=order(state)), ALFA=101) == ["buy ALFA"]

    def test_another_agents_order_is_nothing_to_us(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, OrderChanged(order=order("accepted", agent=AgentName("other"))), ALFA=101) == [
            "buy ALFA"
        ]

    def test_a_close_that_works_is_enough(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, filled_message(), holds(position()), ALFA=80) == ["close 80 ALFA"]
        assert scene.answer("accepted") == ["settled 1"]
        assert scene.minute(2, ALFA=80) == ["settled 2"]

    def test_the_legs_that_protect_are_neither_entry_nor_exit(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        stop = order(
            "accepted", "stop", role="stop", effect=Effect.REDUCE, side=Side.SELL, parent=OrderId("entry")
        )
        assert scene.minute(1, filled_message(), OrderChanged(order=stop), holds(position()), ALFA=80) == [
            "close 80 ALFA"
        ]

    def test_a_symbol_without_a_bar_is_not_decided_on(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA", "BRVO")
        assert scene.minute(1, ALFA=50, BRVO=50) == ["settled 1"]
        assert scene.minute(2, OrderChanged(order=order("denied")), BRVO=50) == ["settled 2"]
        scene.minute(3, ALFA=101, BRVO=50)
        scene.answer("denied")
        assert scene.minute(4, BRVO=50) == ["settled 4"]
        assert scene.minute(5, ALFA=101, BRVO=50) == ["buy ALFA"]

    def test_a_fill_is_told_before_the_bar_is_taken(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        for minute in (1, 2):
            scene.minute(minute, ALFA=50)
        assert scene.minute(3, fill(13), holds(position()), ALFA=80) == ["close filled at 13, mean 50.0 ALFA"]
        assert (scene.proposals[-1].decision_price, scene.proposals[-1].decision_time) == (D(13), at(3))
        assert scene.answer() == ["settled 3"]

    def test_a_fill_of_a_symbol_that_is_not_ours_is_passed_over(self, compiled: Compiled) -> None:
        assert Scene(compiled).minute(1, fill(13, "ZULU"), ALFA=50) == ["settled 1"]

    def test_a_close_that_is_a_minute_old_is_not_decided_on(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.take(bar(1, 101))
        assert scene.minute(2) == ["settled 2"]

    def test_flat_waits_for_the_legs_that_protected_what_was_sold(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        leg: dict[str, Any] = {
            "role": "target",
            "effect": Effect.REDUCE,
            "side": Side.SELL,
            "parent": OrderId("entry"),
        }
        assert scene.minute(1, OrderChanged(order=order("accepted", "leg", **leg)), ALFA=101) == ["settled 1"]
        assert scene.minute(2, OrderChanged(order=order("canceled", "leg", **leg)), ALFA=101) == ["buy ALFA"]

    def test_bars_of_several_minutes_are_all_taken_and_decided_on_once(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.take(bar(2, 101))
        scene.take(bar(1, 103))
        assert scene.minute(3, ALFA=105) == ["buy ALFA"]
        assert scene.host._hosted[Symbol("ALFA")].strategy.value_of(Levels.mean) == 103.0


class TestHowItProposes:
    def test_one_after_the_other_each_after_the_answer_before(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "CHRL", "ALFA", "BRVO")
        assert scene.minute(1, CHRL=101, ALFA=101, BRVO=101) == ["buy ALFA"]
        assert scene.answer() == ["buy BRVO"]
        assert scene.answer("denied") == ["buy CHRL"]
        assert scene.answer() == ["settled 1"]

    def test_what_reduces_goes_before_what_adds(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA", "BRVO")
        held = (OrderChanged(order=filled_entry(symbol=Symbol("BRVO"))), holds(position(symbol="BRVO")))
        assert scene.minute(1, *held, ALFA=101, BRVO=80) == ["close 80 BRVO"]
        assert scene.answer() == ["buy ALFA"]

    @pytest.mark.parametrize("state", ("approved", "sending", "unknown"))
    def test_an_answer_that_is_not_firm_waits_for_the_report(self, state: str, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA", "BRVO")
        scene.minute(1, ALFA=101, BRVO=101)
        assert scene.answer(state) == []
        assert scene.host.awaits_report == scene.proposals[-1].id
        assert scene.tell(state) == []
        assert scene.tell("accepted") == ["buy BRVO"]
        assert scene.host.awaits_report is None

    @pytest.mark.parametrize(
        "state", ("accepted", "rejected", "denied", "withheld", "filled", "pending_approval")
    )
    def test_a_firm_answer_is_enough(self, state: str, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=101)
        assert scene.answer(state) == ["settled 1"]

    def test_a_report_before_the_answer_is_not_the_answer(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA", "BRVO")
        scene.minute(1, ALFA=101, BRVO=101)
        assert scene.tell("accepted") == []
        assert scene.host.awaits_report is None
        assert scene.answer("sending") == ["buy BRVO"]

    def test_what_is_given_up_does_not_hold_the_rest(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA", "BRVO")
        scene.minute(1, ALFA=101, BRVO=101)
        assert scene.take(GivenUp(OrderId("another"), "")) == []
        assert scene.take(GivenUp(scene.proposals[-1].id, "no answer")) == ["buy BRVO"]
        scene.answer("sending")
        assert scene.take(GivenUp(scene.proposals[-1].id, "no report")) == ["settled 1"]

    def test_an_answer_that_the_stream_has_overtaken_changes_nothing(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=101)
        scene.tell("rejected")
        assert scene.answer("accepted") == ["settled 1"]
        assert scene.minute(2, ALFA=101) == ["buy ALFA"]

    def test_the_next_minute_waits_until_this_one_is_settled(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=101)
        assert scene.minute(2, ALFA=50) == []
        assert scene.answer() == ["settled 1", "settled 2"]

    def test_its_ids_are_the_same_whenever_it_proposes_the_same(self, compiled: Compiled) -> None:
        ids = set()
        for _ in range(2):
            scene = Scene(compiled)
            scene.minute(1, ALFA=101)
            ids.add(scene.proposals[-1].id)
        assert len(ids) == 1


PLAN = ExitPlanBody(stop=D(96), trail=D(2), until=rfc3339(at(385)))


def filled_message(minute: float = 0) -> OrderChanged:
    return OrderChanged(order=filled_entry(minute, plan=PLAN))


class TestHowItLeaves:
    def long_since(self, compiled: Compiled, minute: float = 0, **changes: Any) -> Scene:
        """A scene that is long from 101 by an entry filled at `minute`, unprotected unless said otherwise."""
        scene = Scene(compiled)
        scene.gateway(minute, filled_message(minute), holds(position(**changes)))
        scene.market(minute)
        return scene

    def test_by_its_trail_once_the_gain_has_been_as_large(self, compiled: Compiled) -> None:
        scene = self.long_since(compiled, protected_quantity=D(10))
        scene.take(bar(1, 102, reach=1.5))
        assert scene.minute(1) == ["settled 1"]
        assert scene.minute(3, ALFA=101.6) == ["settled 3"]
        assert scene.minute(4, ALFA=101.5) == ["close trailing ALFA"]
        assert "103.5" in scene.proposals[-1].reason
        assert scene.answer() == ["settled 4"]
        assert scene.minute(5, ALFA=101) == ["settled 5"]

    def test_a_bar_that_began_before_the_fill_is_not_the_best(self, compiled: Compiled) -> None:
        scene = self.long_since(compiled, 0.5, protected_quantity=D(10))
        scene.take(bar(1, 102, reach=10))
        assert scene.minute(1) == ["settled 1"]
        assert scene.minute(2, ALFA=101) == ["settled 2"]

    def test_not_by_its_trail_before_the_gain_has_been_as_large(self, compiled: Compiled) -> None:
        scene = self.long_since(compiled, protected_quantity=D(10))
        assert scene.minute(1, ALFA=102.9) == ["settled 1"]
        assert scene.minute(2, ALFA=98) == ["settled 2"]

    def test_by_the_plan_of_the_entry_that_has_filled(self, compiled: Compiled) -> None:
        scene = self.long_since(compiled)
        another = OrderChanged(
            order=order("accepted", "second", time=rfc3339(at(1)), exit_plan=ExitPlanBody())
        )
        assert scene.minute(1, another, ALFA=96) == ["close stop ALFA"]

    def test_by_its_stop_only_where_none_rests(self, compiled: Compiled) -> None:
        assert self.long_since(compiled).minute(1, ALFA=96) == ["close stop ALFA"]
        assert self.long_since(compiled, protected_quantity=D(4)).minute(1, ALFA=96) == ["close stop ALFA"]
        assert self.long_since(compiled, protected_quantity=D(10)).minute(1, ALFA=96) == ["settled 1"]

    def test_by_a_handler_before_an_exit_rule_and_never_twice(self, compiled: Compiled) -> None:
        scene = self.long_since(compiled)
        assert scene.minute(1, ALFA=80) == ["close 80 ALFA"]
        assert scene.answer() == ["settled 1"]

    def test_by_its_timer_and_by_its_plan_where_the_close_was_denied(self, compiled: Compiled) -> None:
        scene = self.long_since(compiled)
        assert scene.minute(379, ALFA=100) == ["settled 379"]
        assert scene.minute(380, ALFA=100) == ["close timer ALFA"]
        assert scene.answer("denied") == ["settled 380"]
        assert scene.minute(381, ALFA=100) == ["settled 381"]
        assert scene.minute(385) == ["close time ALFA"]
        assert scene.answer("denied") == ["settled 385"]
        assert scene.minute(386) == ["close time ALFA"]

    def test_by_its_timer_on_a_half_day(self, compiled: Compiled) -> None:
        scene = Scene(compiled, session=HALF_DAY)
        scene.minute(199, filled_message(), holds(position()), ALFA=101)
        assert scene.minute(200, ALFA=101) == ["close timer ALFA"]

    def test_without_a_plan_the_rules_say_nothing(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(381)
        held = (OrderChanged(order=filled_entry()), holds(position()))
        assert scene.minute(386, *held, ALFA=95) == ["settled 386"]

    def test_a_position_that_we_did_not_enter_has_no_plan(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(381)
        assert scene.minute(386, holds(position()), ALFA=95) == ["settled 386"]

    def test_before_the_first_bar_the_gateways_mark_is_the_price(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(381)
        assert scene.minute(386, filled_message(), holds(position(mark=D(95)))) == ["close stop ALFA"]
        assert scene.proposals[-1].decision_price == D(95)


class TestRestartsAndRepeats:
    def test_the_past_is_replayed_without_proposing(self, compiled: Compiled) -> None:
        scene = Scene(compiled, connect=False)
        for minute in range(3):
            assert scene.market(minute, **({"ALFA": 101} if minute else {})) == []
        assert scene.snapshot(2) == ["settled 0", "settled 1", "buy ALFA"]
        assert scene.host._hosted[Symbol("ALFA")].strategy.value_of(Levels.mean) == 101.0

    def test_a_proposal_that_was_already_made_is_seen_in_the_snapshot(self, compiled: Compiled) -> None:
        scene = Scene(compiled, connect=False)
        for minute in range(3):
            scene.market(minute, **({"ALFA": 101} if minute else {}))
        said = scene.snapshot(2, order("accepted", time=rfc3339(at(2))))
        assert said == ["settled 0", "settled 1", "settled 2"]

    def test_a_gateway_that_is_beyond_us_is_not_asked_about_the_past(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.gateway(0)
        scene.gateway(1)
        assert scene.market(0) == ["settled 0"]
        scene.take(GatewayLost())
        scene.snapshot(3)
        assert scene.market(1, ALFA=101) == ["settled 1"]
        assert scene.market(2, ALFA=101) == ["settled 2"]
        assert scene.market(3, ALFA=101) == ["buy ALFA"]

    def test_by_arrival_too(self, compiled: Compiled) -> None:
        scene = Scene(compiled, policy=InboxPolicy.ARRIVAL, connect=False)
        for minute in range(3):
            scene.market(minute, **({"ALFA": 101} if minute else {}))
        assert scene.snapshot(None) == []
        assert scene.gateway(2) == ["settled 0", "settled 1", "buy ALFA"]

    def test_nothing_is_decided_while_the_gateway_is_lost(self, compiled: Compiled) -> None:
        for policy in InboxPolicy:
            scene = Scene(compiled, policy=policy)
            scene.gateway(0)
            scene.market(0)
            scene.take(GatewayLost())
            assert scene.host.waits_for == "the gateway"
            assert scene.market(1, ALFA=101) == []
            assert scene.snapshot(1) == ["buy ALFA"]

    def test_a_snapshot_replaces_what_was_known(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, OrderChanged(order=order("accepted")), ALFA=101)
        scene.take(GatewayLost())
        scene.snapshot(1, order("canceled"))
        assert scene.minute(2, ALFA=101) == ["buy ALFA"]

    def test_what_a_snapshot_does_not_name_is_not(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(
            1,
            OrderChanged(order=order("accepted")),
            filled_message(),
            holds(position(symbol="BRVO")),
            ALFA=50,
        )
        scene.take(GatewayLost())
        scene.snapshot(1)
        assert scene.minute(2, ALFA=101) == ["buy ALFA"]

    def test_an_old_entry_that_a_snapshot_does_not_name_leaves_no_plan(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, filled_message(), holds(position()), ALFA=101)
        scene.take(GatewayLost())
        scene.snapshot(1, positions=(position(),))
        assert scene.minute(2, ALFA=96) == ["settled 2"]

    def test_a_fill_of_the_past_is_not_answered(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=50)
        scene.take(fill(13))
        scene.take(GatewayLost())
        scene.snapshot(3, positions=(position(),))
        assert scene.market(2, ALFA=50) == ["settled 2"]

    def test_by_arrival_what_was_missed_is_not_proposed_about(self, compiled: Compiled) -> None:
        scene = Scene(compiled, policy=InboxPolicy.ARRIVAL)
        scene.gateway(0)
        scene.market(1, ALFA=50)
        scene.take(GatewayLost())
        scene.market(2, ALFA=101)
        scene.market(3, ALFA=101)
        assert scene.snapshot(3) == ["settled 2", "buy ALFA"]

    def test_a_lost_gateways_last_words_are_not_mixed_with_its_snapshot(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.gateway(1)
        scene.take(OrderChanged(order=order("accepted")))
        scene.take(GatewayLost())
        scene.snapshot(1)
        assert scene.market(1, ALFA=101) == ["buy ALFA"]

    def test_a_wait_goes_on_over_a_reconnection(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=101)
        scene.answer("sending")
        assert scene.take(GatewayLost()) == []
        assert scene.snapshot(1, order_of(scene.proposals[-1], "accepted")) == ["settled 1"]

    def test_what_the_feed_repeats_is_taken_once(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=50)
        assert scene.market(1, ALFA=99) == []
        scene.take(bar(2, 60))
        scene.take(bar(2, 60))
        assert scene.minute(2) == ["settled 2"]
        assert scene.host._hosted[Symbol("ALFA")].strategy.value_of(Levels.mean) == 55.0

    def test_bars_outside_the_session_and_of_others_are_not_taken(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(0, ALFA=101) == ["settled 0"]
        assert scene.minute(1, ZULU=101) == ["settled 1"]
        assert scene.minute(391, ALFA=101) == ["settled 391"]


class TestARestart:
    """A host that goes on from what the one before it remembered."""

    def restored(self, scene: Scene, compiled: Compiled, **changes: Any) -> Scene:
        after = Scene(compiled, connect=False, **changes)
        after.host.restore(scene.memories[-1])
        return after

    def test_what_is_pending_is_proposed_again_and_then_its_step_is_settled(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(1, ALFA=101) == ["buy ALFA"]
        again = self.restored(scene, compiled)
        assert again.snapshot(1) == ["settled 0", "buy ALFA"], "a day that is told anew gets there"
        assert again.proposals == scene.proposals
        assert again.answer() == ["settled 1"]
        assert [len(memory.pending) for memory in again.memories] == [0]

    def test_it_waits_until_the_gateway_is_where_it_was_proposed(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(2, ALFA=101)
        again = self.restored(scene, compiled)
        assert again.snapshot(None) == ["settled 1"]
        assert again.gateway(1) == []
        assert again.gateway(2) == ["buy ALFA"]

    def test_what_has_become_too_old_is_given_up_aloud(self, compiled: Compiled) -> None:
        scene = Scene(compiled, policy=InboxPolicy.ARRIVAL)
        scene.gateway(0)
        assert scene.market(1, ALFA=101) == ["buy ALFA"]
        for minutes, expected in ((1.5, "buy ALFA"), (1.6, f"gave up {scene.proposals[0].id}")):
            again = self.restored(scene, compiled, policy=InboxPolicy.ARRIVAL)
            assert again.snapshot(minutes)[1] == expected

    def test_nothing_pending_only_settles_the_step_once_more(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=50)
        again = self.restored(scene, compiled)
        assert again.snapshot(1) == ["settled 1"]
        assert again.market(1, ALFA=99) == [], "what it has taken already"
        assert again.minute(2, ALFA=60) == ["settled 2"]
        assert again.host._hosted[Symbol("ALFA")].strategy.value_of(Levels.mean) == 55.0

    def test_a_timer_of_meanwhile_is_asked_once_the_gateway_is_reached(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(379, ALFA=95)
        again = self.restored(scene, compiled)
        again.snapshot(382, positions=(position(),))
        assert again.market(380, ALFA=95) == ["settled 380"]
        assert again.market(381, ALFA=95) == ["settled 381"]
        assert again.market(382, ALFA=95) == ["close timer ALFA"]
        assert again.answer("denied") == ["settled 382"]
        assert again.minute(383, ALFA=95) == ["settled 383"], "once a session"

    def test_a_timer_that_was_asked_is_not_asked_again(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        assert scene.minute(380, holds(position()), ALFA=95) == ["close timer ALFA"]
        assert scene.answer("denied") == ["settled 380"]
        again = self.restored(scene, compiled)
        again.snapshot(380, positions=(position(),))
        assert again.minute(381, ALFA=95) == ["settled 381"]

    def test_a_fill_of_meanwhile_is_told_once(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        scene.minute(1, ALFA=95)
        again = self.restored(scene, compiled)
        message = Snapshot(
            watermark=rfc3339(at(2)),
            orders=(),
            positions=(position(),),
            account=ACCOUNT,
            trading=TRADING,
            fills=(fill(13),),
        )
        again.take(message)
        assert again.market(2, ALFA=95) == ["close filled at 13, mean nan ALFA"]
        assert again.answer("denied") == ["settled 2"]
        third = self.restored(again, compiled)
        third.take(message)
        assert third.minute(3, ALFA=95) == ["settled 3"]

    def test_the_best_price_since_the_entry_is_remembered(self, compiled: Compiled) -> None:
        plan = ExitPlanBody(trail=D(2))
        entry = filled_entry(0, 100, plan)
        scene = Scene(compiled)
        scene.minute(1, OrderChanged(order=entry), holds(position()), ALFA=100)
        scene.take(bar(2, 108, reach=1))
        assert scene.minute(2) == ["settled 2"]
        again = self.restored(scene, compiled)
        again.snapshot(2, entry, positions=(position(),))
        assert again.minute(3, ALFA=106) == ["close trailing ALFA"]

    def test_bars_of_before_anything_worked_are_let_go(self, compiled: Compiled) -> None:
        scene = Scene(compiled)
        for minute in range(1, 4):
            scene.minute(minute, ALFA=50)
        assert [len(memory.symbols[0].bars) for memory in scene.memories] == [1, 1, 1]
        scene.minute(4, holds(position()), ALFA=95)
        scene.minute(5, ALFA=95)
        assert len(scene.memories[-1].symbols[0].bars) == 3

    def test_another_hosts_memory_is_refused(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA")
        scene.minute(1, ALFA=50)
        with pytest.raises(BadValue, match=r"symbols: expected \['BRVO'\], found \['ALFA'\]"):
            Scene(compiled, "BRVO").host.restore(scene.memories[-1])
        with pytest.raises(BadValue, match="session: expected"):
            Scene(compiled, "ALFA", session=HALF_DAY).host.restore(scene.memories[-1])


class TestADiskThatFails:
    def test_no_entry_leaves_but_what_reduces_does(self, compiled: Compiled) -> None:
        scene = Scene(compiled, "ALFA", "BRVO")
        scene.disk_works = False
        assert scene.minute(1, holds(position(symbol="BRVO")), ALFA=101, BRVO=85) == ["close 85 BRVO"]
        assert scene.answer() == ["settled 1"]


def test_a_bar_closes_at_its_own_end_where_time_goes_on_between_bars(compiled: Compiled) -> None:
    """A live market's time is told twice a second, and never falls on a bar's end."""
    scene = Scene(compiled, policy=InboxPolicy.ARRIVAL)
    scene.gateway(0)
    assert scene.market(0.99) != []
    scene.take(bar(1, 101))
    assert scene.take(Watermark(time=at(1.01))) == ["buy ALFA"]
    assert scene.proposals[0].decision_time == at(1)
    scene.answer("denied")
    assert scene.take(Watermark(time=at(1.02))) == ["settled 1"], "no bar is closed twice"


def test_on_a_live_market_each_bar_closes_once(compiled: Compiled) -> None:
    """Told by a source that says no watermarks, seen through what marketdata makes of it."""
    scene = Scene(compiled, policy=InboxPolicy.ARRIVAL)
    scene.gateway(0)
    said: list[str] = []

    def tell(event: Any) -> None:
        if isinstance(event, Watermark) and scene.proposals:
            said.extend(scene.answer("denied"))
        said.extend(scene.take(event))

    market = LiveMarket(tell)
    market.link(up=True, now=at(0))
    for half_second in range(1, 3 * 120):
        now = Instant(half_second * SECOND // 2 + 123_456)
        if half_second % 120 == 2:
            market.receive(bar(half_second // 120, 101), now)
        market.tick(now)
    assert said.count("buy ALFA") == 2
    assert [it.decision_time for it in scene.proposals] == [at(1), at(2)]
