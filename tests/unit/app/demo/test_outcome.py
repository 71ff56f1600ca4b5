from decimal import Decimal
from typing import Any

import msgspec

from agenttrader.app.demo.outcome import Day, Made, Profit, read_day
from agenttrader.model.authority import EVERYTHING, Act, Mode, SignedStatement, Statement
from agenttrader.model.decisions import Check, Decision, DecisionInputs, Verdict
from agenttrader.model.events import (
    Accepted,
    AccountOpened,
    CancelRequested,
    Decided,
    EquitySampled,
    Event,
    Filled,
    SegmentOpened,
    Sending,
    WindowOpened,
)
from agenttrader.model.identifiers import (
    AccountName,
    AgentName,
    BrokerOrderId,
    Digest,
    ExecutionId,
    OrderId,
    PersonName,
    StrategyName,
    Symbol,
    derive_order_id,
)
from agenttrader.model.instructions import Instruction, ProtectiveLeg
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Role, Side, TimeInForce
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.portfolio.orders import protective_id

ALFA = Symbol("ALFA")
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
ENTRY, SECOND = derive_order_id("entry"), derive_order_id("second")
STOP = protective_id(ENTRY, Role.STOP)
MULTIPLIERS = {ALFA: Decimal(1)}


def decided(order_id: OrderId, denied_by: str | None = None) -> Decided:
    proposal = Proposal(
        id=order_id,
        agent=AgentName("momentum"),
        strategy=StrategyName("momentum"),
        legs=(Leg(ALFA),),
        side=Side.BUY,
        quantity=Decimal(100),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        effect=Effect.OPEN,
        reason="fast over slow",
        decision_price=Decimal(40),
        decision_time=OPEN,
        correlation_id="c",
        exit_plan=ExitPlan(stop=Decimal(39)),
    )
    decision = Decision(
        verdict=Verdict.DENIED if denied_by else Verdict.APPROVED,
        denied_by=denied_by,
        checks=(Check("symbol_status", "halted", "trading", denied_by is None),),
        inputs=DecisionInputs(
            now=OPEN, marks=(), switches=(), symbol_statuses=(), limits=Digest("d"), equity=None
        ),
    )
    return Decided(proposal=proposal, decision=decision)


SENDING = Sending(
    order_id=ENTRY,
    instruction=Instruction(
        legs=(Leg(ALFA),),
        side=Side.BUY,
        quantity=Decimal(100),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        limit_price=None,
        stop_price=None,
        stop=Decimal(39),
        target=None,
    ),
)
ACCEPTED = Accepted(
    order_id=ENTRY,
    broker_order_id=BrokerOrderId("b"),
    time=OPEN,
    stop=ProtectiveLeg(STOP, BrokerOrderId("b-stop")),
)


def fill(order_id: OrderId, side: Side, price: str, fee: str, minute: int, name: str = "") -> Filled:
    return Filled(
        order_id=order_id,
        execution_id=ExecutionId(name or f"{order_id}-{minute}"),
        symbol=ALFA,
        side=side,
        quantity=Decimal(100),
        price=Decimal(price),
        fee=Decimal(fee),
        time=Instant(OPEN + minute * MINUTE),
    )


SAMPLED = EquitySampled(
    equity=Decimal(1000),
    cash=Decimal(1000),
    gross_exposure=Decimal(0),
    net_exposure=Decimal(0),
    realised=Decimal(0),
    unrealised=Decimal(75),
    fees=Decimal(0),
    dead_machine_loss=Decimal(0),
)
BOUGHT = (
    AccountOpened(cash=Decimal(10_000)),
    decided(ENTRY),
    SENDING,
    ACCEPTED,
    fill(ENTRY, Side.BUY, "40.10", "0", 1),
)
SOLD = (*BOUGHT, SAMPLED, fill(STOP, Side.SELL, "39", "0.13", 5))


def sealed(events: tuple[Event, ...]) -> list[Sealed[Event]]:
    chain = Chain()
    return [chain.seal(event, OPEN) for event in events]


def day(*events: Event) -> Day:
    return read_day(sealed(events), MULTIPLIERS, {})


def test_the_outcome_is_what_the_records_say() -> None:
    found = day(*SOLD, decided(SECOND, denied_by="symbol_status"))
    assert found.orders == {"denied": 1, "filled": 2}
    assert [execution.price for execution in found.fills] == [Decimal("40.10"), Decimal(39)]
    assert found.profit == Profit(realised=Decimal(-110), unrealised=Decimal(0), fees=Decimal("0.13"))
    assert found.made == (
        Made(strategy=StrategyName("momentum"), symbol=ALFA, realised=Decimal(-110), fees=Decimal("0.13")),
    )
    assert found.denial_codes == {"symbol_status": 1}
    (denial,) = found.denials
    assert (denial.agent, denial.symbol, denial.time) == ("momentum", ALFA, "2026-11-20T14:30:00Z")
    assert "halted" in denial.sentence


def test_what_is_still_held_is_valued_as_last_sampled() -> None:
    assert day(*BOUGHT, SAMPLED).profit.unrealised == Decimal(75)
    assert day(*SOLD).profit.unrealised == Decimal(0)


def test_the_digest_does_not_depend_on_names_that_a_broker_gives() -> None:
    other = (*BOUGHT[:-1], fill(ENTRY, Side.BUY, "40.10", "0", 1, name="another name"))
    assert day(*other).digest == day(*BOUGHT).digest


def test_the_digest_does_not_depend_on_which_of_two_orders_of_one_time_was_decided_first() -> None:
    first, second = decided(ENTRY, denied_by="size"), decided(SECOND, denied_by="size")
    assert day(first, second).digest == day(second, first).digest


def test_the_digest_tells_another_price_fee_time_or_end_apart() -> None:
    days = [
        day(*SOLD),
        day(*BOUGHT),
        day(*BOUGHT, fill(STOP, Side.SELL, "39.01", "0.13", 5)),
        day(*BOUGHT, fill(STOP, Side.SELL, "39", "0.14", 5)),
        day(*BOUGHT, fill(STOP, Side.SELL, "39", "0.13", 6)),
        day(decided(ENTRY, denied_by="size")),
        day(decided(ENTRY, denied_by="lot")),
    ]
    assert len({found.digest for found in days}) == len(days)


def test_what_is_still_held_is_named_with_its_protection_and_what_a_dead_machine_would_lose() -> None:
    found = read_day(sealed(BOUGHT), MULTIPLIERS, {ALFA: Decimal(41)})
    (held,) = found.held
    assert (held.symbol, held.quantity) == (ALFA, Decimal(100))
    assert (held.average_price, held.mark) == (Decimal("40.1"), Decimal(41))
    assert (held.unrealised, found.profit.unrealised) == (Decimal(90), Decimal(90))
    assert (held.protected_quantity, held.stop, held.target) == (Decimal(100), Decimal(39), None)
    assert found.dead_machine_loss == Decimal(200)
    assert held.sentence == (
        "100 ALFA is still held, protected by a stop at 39 (a DAY order, gone at the close)"
    )
    partly = msgspec.structs.replace(held, protected_quantity=Decimal(60), is_protected_for_today_only=False)
    assert partly.sentence == "100 ALFA is still held, only 60 of it protected by a stop at 39"
    bare = msgspec.structs.replace(held, protected_quantity=Decimal(0), stop=None)
    assert bare.sentence == "100 ALFA is still held, and no stop at the venue protects it"


def exits_decided(name: str, minute: int, effect: Effect, **changes: Any) -> Decided:
    """What the exits unit asked for, approved."""
    proposal = msgspec.structs.replace(
        decided(derive_order_id(name)).proposal,
        agent=AgentName("exits"),
        side=Side.SELL,
        effect=effect,
        decision_time=Instant(OPEN + minute * MINUTE),
        **{"reason": name, "exit_plan": None, **changes},
    )
    return msgspec.structs.replace(decided(ENTRY), proposal=proposal)


def test_what_the_exits_unit_did_is_told_in_order() -> None:
    pair = {"type": OrderType.LIMIT, "limit_price": Decimal(45), "exit_plan": ExitPlan(stop=Decimal(39))}
    alone = {"type": OrderType.STOP, "stop_price": Decimal(38)}
    canceled = CancelRequested(order_id=ENTRY, broker_order_id=BrokerOrderId("b"), by="exits", reason="bare")
    leg = msgspec.structs.replace(canceled, order_id=STOP)
    another = msgspec.structs.replace(canceled, by="momentum")
    found = day(
        *BOUGHT[:-1],
        canceled,
        another,
        leg,
        exits_decided("time", 9, Effect.CLOSE),
        exits_decided("bare", 2, Effect.REDUCE, quantity=Decimal(63), **pair),
        exits_decided("bare again", 3, Effect.REDUCE, **alone),
        msgspec.structs.replace(
            exits_decided("no", 4, Effect.CLOSE), decision=decided(SECOND, denied_by="reduces").decision
        ),
    )
    assert [(act.act, act.quantity, act.stop, act.target, act.reason) for act in found.exits] == [
        (
            "canceled",
            Decimal(100),
            None,
            None,
            "the rest of what momentum wanted to buy; until then no stop could rest",
        ),
        ("protected", Decimal(63), Decimal(39), Decimal(45), "bare"),
        ("protected", Decimal(100), Decimal(38), None, "bare again"),
        ("closed", Decimal(100), None, None, "time"),
    ]
    assert (found.exits[1].symbol, found.exits[1].time) == (ALFA, "2026-11-20T14:32:00Z")
    assert found.exit_counts == {"canceled": 1, "protected": 2, "closed": 1}


def test_a_day_that_ends_flat_holds_nothing() -> None:
    found = day(*SOLD)
    assert (found.held, found.dead_machine_loss) == ((), Decimal(0))


def segment(session: str) -> SegmentOpened:
    return SegmentOpened(
        session=session,
        account=AccountName("DEMO-1"),
        epoch=1,
        configuration=Digest("c"),
        code="c",
        parameters=Digest("p"),
        calendar=Digest("k"),
    )


def window() -> WindowOpened:
    statement = Statement(
        act=Act.OPEN_WINDOW,
        account=AccountName("DEMO-1"),
        epoch=1,
        configuration=Digest("c"),
        mode=Mode.PAPER,
        scope=EVERYTHING,
        start=OPEN,
        end=Instant(OPEN + MINUTE),
        reason="r",
        person=PersonName("demo"),
        nonce="n",
        issued_at=OPEN,
    )
    return WindowOpened(signed=SignedStatement(statement=statement, envelope="e"))


def test_of_several_days_only_what_the_day_added_is_counted() -> None:
    friday: tuple[Event, ...] = (segment("2026-11-20"), window(), *BOUGHT)
    denied = decided(SECOND, denied_by="symbol_status")
    sold = fill(STOP, Side.SELL, "39", "0.13", 5)
    monday: tuple[Event, ...] = (segment("2026-11-23"), window(), denied, sold)
    records = sealed((*friday, *monday))
    first, second, whole = (
        read_day(records[: len(friday)], MULTIPLIERS, {}, "2026-11-20"),
        read_day(records, MULTIPLIERS, {}, "2026-11-23"),
        read_day(records, MULTIPLIERS, {}),
    )
    assert (first.carried, [held.quantity for held in first.held]) == ((), [Decimal(100)])
    assert [(held.quantity, held.average_price) for held in second.carried] == [
        (Decimal(100), Decimal("40.1"))
    ]
    assert (len(first.fills), len(second.fills), len(whole.fills)) == (1, 1, 2)
    assert (second.orders, whole.orders) == ({"denied": 1}, {"denied": 1, "filled": 2})
    assert [each.profit.realised for each in (first, second, whole)] == [0, -110, -110]
    assert [each.made[0].realised for each in (first, second, whole)] == [0, -110, -110]


def test_a_gateway_that_starts_again_in_mid_day_begins_no_other_day() -> None:
    events = (segment("2026-11-20"), window(), *BOUGHT, segment("2026-11-20"), *SOLD[len(BOUGHT) :])
    found = read_day(sealed(events), MULTIPLIERS, {}, "2026-11-20")
    assert msgspec.structs.replace(found, carried=()) == day(*events)
    assert (len(found.fills), found.carried) == (2, ())
