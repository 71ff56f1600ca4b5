"""A golden record of each kind: bodies that were written are read for ever, byte for byte.

`golden_records.jsonl` is one chain. Where a test here fails because a shape has changed: do not change the
file, give the new shape a new version of its kind and lift the old one on reading. A new kind is added at the
end.
"""

import hashlib
import json
import typing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven, ApprovalRefused, ApprovalTerms, Shown
from agenttrader.model.authority import Act, Mode, Scope, ScopeKind, SignedStatement, Statement
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import Check, Decision, DecisionInputs, MarkUsed, TradingState, Verdict
from agenttrader.model.errors import TamperingFound
from agenttrader.model.events import (
    Accepted,
    AccountOpened,
    AnswerLost,
    BreakFound,
    BreakSettled,
    Busted,
    Canceled,
    CancelRefused,
    CancelRequested,
    CashPosted,
    DayOpened,
    Decided,
    DoneForDay,
    EquitySampled,
    Event,
    Expired,
    FeesPosted,
    Filled,
    Halted,
    LinkChanged,
    PastIncluded,
    PositionAdjusted,
    Reconciled,
    Rejected,
    Replaced,
    ReplaceRefused,
    ReplaceRequested,
    Restated,
    Resumed,
    SegmentOpened,
    SegmentSealed,
    Sending,
    Suspended,
    Warned,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    WindowResumed,
    WindowSuspended,
    Withheld,
)
from agenttrader.model.identifiers import (
    AccountName,
    ActivityId,
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    Digest,
    ExecutionId,
    OrderId,
    PersonName,
    StrategyName,
    Symbol,
)
from agenttrader.model.instructions import Instruction, ProtectiveLeg, Replacing
from agenttrader.model.orders import Changes, Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.model.permits import Permits, PermitsStated
from agenttrader.model.records import GENESIS, Chain, hash_of, kind_of, unseal
from agenttrader.model.reports import StatedOrder
from agenttrader.model.ruling import (
    LimitsLoosened,
    LimitTightened,
    LooseningSigned,
    RulingChange,
    RulingValue,
)
from agenttrader.model.times import Instant

_FILE = Path(__file__).parent / "golden_records.jsonl"
GOLDEN = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]

D = Decimal
OPEN = Instant(1_795_185_000_000_000_000)
NOON = Instant(1_795_194_000_000_000_001)
ALFA, BRAVO = Symbol("ALFA"), Symbol("BRAVO")
ORDER, STOP, TARGET = OrderId("0b5c"), OrderId("0b5c-stop"), OrderId("0b5c-target")
BROKERS = BrokerOrderId("b-1")
DIGEST = Digest("5f" * 32)

PROPOSAL = Proposal(
    id=ORDER,
    agent=AgentName("momentum"),
    strategy=StrategyName("crossover"),
    legs=(Leg(ALFA), Leg(BRAVO, -2)),
    side=Side.BUY,
    quantity=D("100"),
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.DAY,
    effect=Effect.OPEN,
    reason="fast (12) über slow (26)",
    decision_price=D("101.250"),
    decision_time=OPEN,
    correlation_id="bar-1",
    limit_price=D("-0.35"),
    exit_plan=ExitPlan(stop=D("99.5"), target=None, trail=D("1.25"), until=NOON),
    group="pair-1",
    valid_until=NOON,
    client_order_id="mine-1",
    replaces=OrderId("0b5c"),
)
DECISION = Decision(
    verdict=Verdict.DENIED,
    denied_by="price_age",
    checks=(Check("identity", "momentum", None, passed=True), Check("price_age", None, 60, passed=False)),
    inputs=DecisionInputs(
        now=OPEN,
        marks=(MarkUsed(ALFA, D("101.25"), OPEN, "marketdata"), MarkUsed(BRAVO, None, None, None)),
        switches=(("file", TradingState.ACTIVE),),
        symbol_statuses=((ALFA, "trading"), (BRAVO, "halted")),
        limits=DIGEST,
        equity=D("100000.00"),
    ),
)
INPUTS = msgspec.structs.replace(
    DECISION.inputs,
    buying_power=D("98765.43"),
    prices=((BRAVO, D("20.50")), (Symbol("CHRL"), None)),
    said=(("file", "it is 1"),),
    together=2,
)
INSTRUCTION = Instruction(
    legs=(Leg(ALFA),),
    side=Side.SELL,
    quantity=D("0.5"),
    type=OrderType.STOP,
    time_in_force=TimeInForce.GTC,
    limit_price=None,
    stop_price=D("99.99"),
    stop=D("99.5"),
    target=D("110"),
)
SIGNED = SignedStatement(
    statement=Statement(
        act=Act.OPEN_WINDOW,
        account=AccountName("SIM-1"),
        epoch=1,
        configuration=DIGEST,
        mode=Mode.PAPER,
        scope=Scope(ScopeKind.SYMBOL, "ALFA"),
        start=OPEN,
        end=NOON,
        reason="the day's session",
        person=PersonName("ann"),
        nonce="n-1",
        issued_at=OPEN,
    ),
    envelope='{"payload":"…"}',
)
SHOWN = Shown(
    proposal=PROPOSAL,
    decision=msgspec.structs.replace(DECISION, verdict=Verdict.PENDING_APPROVAL, denied_by=None),
    expires=NOON,
    terms=ApprovalTerms(expiry_seconds=300, adverse_move_fraction=D("0.005"), persons_needed=2),
)
LOOSENING = SignedStatement(
    statement=msgspec.structs.replace(
        SIGNED.statement,
        act=Act.LOOSEN_LIMITS,
        mode=Mode.OFF,
        about="0a1b2c3d4e5f6071",
        confirmation="SINGLE PERSON",
    ),
    envelope='{"payload":"…"}',
)
ACCEPTANCE = SignedStatement(
    statement=msgspec.structs.replace(
        SIGNED.statement, act=Act.ACCEPT_BREAK, mode=Mode.OFF, about="0a1b2c3d4e5f6071"
    ),
    envelope='{"payload":"…"}',
)
FOREIGN = Break(
    kind=BreakKind.POSITION, ours="0", theirs="7", sentence="they hold 7 BRVO", symbol=Symbol("BRVO")
)
BREAK = Break(
    kind=BreakKind.POSITION,
    ours="100",
    theirs="0",
    sentence="we hold 100 ALFA, the broker none",
    symbol=ALFA,
    order_id=ORDER,
)
MANUAL = "ann"
TRANSFER = AccountActivity(
    id=ActivityId("20261119000000000::a-1"),
    kind=ActivityKind.TRANSFER,
    word="CSD",
    date="2026-11-19",
    time=OPEN,
    amount=D("5000.00"),
)
CORRECTION = AccountActivity(
    id=ActivityId("accepted-0a1b2c3d4e5f6071-n-1"),
    kind=ActivityKind.CORRECTION,
    word="ACCEPTED",
    date="2026-11-20",
    time=NOON,
    quantity=D("-100"),
    symbol=ALFA,
)
FEE = AccountActivity(
    id=ActivityId("20261120000000000::a-2"),
    kind=ActivityKind.FEE,
    word="FEE TAF",
    date="2026-11-20",
    time=NOON,
    amount=D("-0.02"),
)
SPLIT = AccountActivity(
    id=ActivityId("20261120000000000::a-3"),
    kind=ActivityKind.SPLIT,
    word="SPLIT RSPLIT",
    date="2026-11-20",
    time=OPEN,
    amount=D("12.50"),
    quantity=D("-75"),
    symbol=ALFA,
)

EVENTS: tuple[Event, ...] = (
    SegmentOpened(
        session="2026-11-20",
        account=AccountName("SIM-1"),
        epoch=1,
        configuration=DIGEST,
        code="0123abc",
        parameters=DIGEST,
        calendar=DIGEST,
    ),
    AccountOpened(cash=D("100000")),
    DayOpened(session="2026-11-20", open=OPEN, close=NOON, equity=D("100000.00")),
    LinkChanged(link="broker", up=False, reason="reset by peer"),
    WindowOpened(signed=SIGNED),
    Decided(proposal=PROPOSAL, decision=DECISION, instruction=INSTRUCTION),
    Sending(
        order_id=ORDER,
        instruction=msgspec.structs.replace(
            INSTRUCTION,
            replacing=Replacing(
                broker_order_id=BrokerOrderId("61e6"),
                changes=Changes(quantity=Decimal(9), time_in_force=TimeInForce.GTC),
            ),
        ),
    ),
    AnswerLost(order_id=ORDER, reason="no answer in 5 s"),
    Accepted(
        order_id=ORDER,
        broker_order_id=BROKERS,
        time=OPEN,
        stop=ProtectiveLeg(STOP, BrokerOrderId("b-2")),
        target=ProtectiveLeg(TARGET, BrokerOrderId("b-3")),
    ),
    Filled(
        order_id=ORDER,
        execution_id=ExecutionId("x-1"),
        symbol=ALFA,
        side=Side.BUY,
        quantity=D("40"),
        price=D("101.260000001"),
        fee=D("0.02"),
        time=NOON,
    ),
    ReplaceRequested(order_id=ORDER, replacement=OrderId("0b5d"), by=MANUAL, reason="nearer"),
    ReplaceRefused(order_id=ORDER, time=NOON, reason="too late"),
    CancelRequested(order_id=ORDER, broker_order_id=BROKERS, by=MANUAL, reason="enough"),
    CancelRefused(order_id=ORDER, time=NOON, reason="too late"),
    Suspended(order_id=ORDER, time=NOON),
    DoneForDay(order_id=ORDER, time=NOON),
    Restated(order_id=ORDER, time=NOON, raw='{"status":"calculated"}'),
    Busted(order_id=ORDER, execution_id=ExecutionId("x-1"), time=NOON),
    Canceled(order_id=ORDER, time=NOON, reason="asked for"),
    Expired(order_id=TARGET, time=NOON),
    Replaced(order_id=STOP, time=NOON),
    Rejected(order_id=OrderId("0b5d"), time=NOON, reason="insufficient buying power"),
    Withheld(order_id=OrderId("0b5e"), reason="halted by file"),
    EquitySampled(
        equity=D("100012.50"),
        cash=D("95949.58"),
        gross_exposure=D("4062.92"),
        net_exposure=D("-4062.92"),
        realised=D("0"),
        unrealised=D("12.50"),
        fees=D("0.02"),
        dead_machine_loss=D("70.00"),
    ),
    BreakFound(found=BREAK),
    Reconciled(
        run="r-1",
        statement_time=NOON,
        orders=3,
        positions=1,
        executions=2,
        breaks=(BREAK,),
        failure="",
        left=(FOREIGN,),
    ),
    Halted(scope=Scope(ScopeKind.EVERYTHING), state=TradingState.FROZEN, by=MANUAL, reason="drill"),
    Resumed(scope=Scope(ScopeKind.EVERYTHING), signed=SIGNED),
    WindowSuspended(reason="the gateway started again"),
    WindowResumed(signed=SIGNED),
    WindowClosed(by=MANUAL, reason="end of day"),
    SegmentSealed(reason="end of session"),
    PastIncluded(activities=(TRANSFER,)),
    FeesPosted(activities=(FEE,)),
    CashPosted(activity=TRANSFER),
    PositionAdjusted(symbol=ALFA, activities=(SPLIT,)),
    WindowExtended(signed=SIGNED),
    ActedOutside(
        journal="kill",
        line=3,
        time=NOON,
        by="kill by ann",
        act="cancel",
        subject="b-1",
        stage="answered",
        outcome="taken",
    ),
    BreakSettled(found=BREAK, by="exits", reason="its price is one again"),
    ActedOutside(
        journal="kill",
        line=4,
        time=NOON,
        by="kill by ann",
        act="close",
        subject="ALFA",
        stage="asked",
        outcome="",
        held=D("-2.5"),
        broker_time=NOON,
    ),
    OrderAdopted(
        order_id=OrderId("adopted"),
        order=StatedOrder(
            broker_order_id=BrokerOrderId("b-9"),
            client_order_id=ClientOrderId("theirs"),
            symbol=ALFA,
            side=Side.BUY,
            type="market",
            quantity=D("2.5"),
            time=NOON,
        ),
        strategy=StrategyName("momentum"),
        by="kill by ann",
        reason="line 5 of the side journal kill names it",
    ),
    Warned(
        scope=Scope(ScopeKind.ACCOUNT, "SIM-1"),
        by="breaker:drawdown",
        reason="equity lies 2.10 % below its highest; soft_fraction is 0.02",
    ),
    ApprovalAsked(shown=SHOWN, digest=SHOWN.digest),
    ApprovalGiven(order_id=ORDER, signed=SIGNED),
    ApprovalRefused(order_id=ORDER, signed=SIGNED),
    LimitTightened(
        change=RulingChange("account.gross_exposure_max", "60000", "5000"), by=MANUAL, reason="a rough day"
    ),
    LooseningSigned(signed=LOOSENING, session="2026-11-20"),
    LimitsLoosened(
        changes=(
            RulingChange("account.gross_exposure_max", "5000", "60000"),
            RulingChange("symbol.ALFA.shorting_permitted", None, "true"),
        ),
        signed=LOOSENING,
    ),
    SegmentOpened(
        session="2026-11-20",
        account=AccountName("SIM-1"),
        epoch=2,
        configuration=DIGEST,
        code="0123abc",
        parameters=DIGEST,
        calendar=DIGEST,
        rules=(RulingValue("account.gross_exposure_max", "5000"), RulingValue("account.restricted", "")),
    ),
    PermitsStated(
        permits=Permits(
            status="ACTIVE",
            trading_blocked=False,
            account_blocked=None,
            trade_suspended_by_user=True,
            coin_status=None,
            shorting=False,
            options_level=2,
        )
    ),
    PositionAdjusted(symbol=ALFA, activities=(CORRECTION,)),
    CashPosted(activity=msgspec.structs.replace(CORRECTION, quantity=D(0), amount=D("-12.34"), symbol=None)),
    BreakSettled(found=BREAK, by=MANUAL, reason="the broker's word counts", signed=ACCEPTANCE),
    Decided(proposal=PROPOSAL, decision=msgspec.structs.replace(DECISION, inputs=INPUTS)),
)


def test_every_kind_has_its_golden_record() -> None:
    assert {type(event) for event in EVENTS} == set(typing.get_args(Event))
    assert [record["kind"] for record in GOLDEN] == [kind_of(event) for event in EVENTS]


@pytest.mark.parametrize("index", range(len(GOLDEN)), ids=lambda index: GOLDEN[index]["kind"])
def test_a_kind_is_written_as_it_always_was(index: int) -> None:
    record = GOLDEN[index]
    chain = Chain(record["sequence"] - 1, record["previous"])
    sealed = chain.seal(EVENTS[index], Instant(record["time"]))
    assert sealed.body.decode() == record["body"]
    assert (sealed.sequence, sealed.kind, sealed.previous, sealed.hash) == (
        record["sequence"],
        record["kind"],
        record["previous"],
        record["hash"],
    )


@pytest.mark.parametrize("record", GOLDEN, ids=lambda record: record["kind"])
def test_a_kind_is_read_as_it_was_meant(record: dict[str, Any]) -> None:
    event = EVENTS[record["sequence"] - 1]
    assert unseal_golden(record).event == event


def unseal_golden(record: dict[str, Any]) -> Any:
    return unseal(
        record["sequence"],
        Instant(record["time"]),
        record["kind"],
        record["body"].encode(),
        record["previous"],
        record["hash"],
    )


def test_the_hashes_are_what_the_definition_says() -> None:
    """By hand: previous hash, sequence (8 bytes), time (8, signed), kind's length (2), kind, body."""
    previous = GENESIS
    for number, record in enumerate(GOLDEN, 1):
        kind, body = record["kind"].encode(), record["body"].encode()
        content = b"".join(
            (
                bytes.fromhex(previous),
                number.to_bytes(8, "big"),
                record["time"].to_bytes(8, "big", signed=True),
                len(kind).to_bytes(2, "big"),
                kind,
                body,
            )
        )
        assert (record["previous"], record["hash"]) == (previous, hashlib.sha256(content).hexdigest())
        previous = record["hash"]


def _objects(node: Any) -> list[Any]:
    """Every object and array that stands in a decoded body, itself first."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node] if isinstance(node, dict | list) else []
    return own + [found for each in inner for found in _objects(each)]


@pytest.mark.parametrize("record", GOLDEN, ids=lambda record: record["kind"])
def test_what_we_do_not_know_is_refused_wherever_it_stands(record: dict[str, Any]) -> None:
    """A newer version may have meant something by it."""
    count = len(_objects(json.loads(record["body"])))
    assert count > 0
    for index in range(count):
        body = json.loads(record["body"])
        node = _objects(body)[index]
        if isinstance(node, dict):
            node["unless"] = "friday"
        else:
            node.append("friday")
        changed = {**record, "body": msgspec.json.encode(body).decode()}
        changed["hash"] = hash_of(
            changed["previous"],
            changed["sequence"],
            changed["time"],
            changed["kind"],
            changed["body"].encode(),
        )
        with pytest.raises(TamperingFound, match="its body is not an event that this version knows"):
            unseal_golden(changed)
