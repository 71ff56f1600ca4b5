"""The core's words, made quickly: one account, one agent, three symbols, one trading day.

Everything is named so that a test states only what it is about; what is not stated is permitted and sane.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import structs

from agenttrader.gateway.limits import Grant
from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.authority import (
    EVERYTHING,
    Act,
    Approval,
    Mode,
    PersonRole,
    SignedStatement,
    Statement,
)
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import (
    Decision,
    DecisionInputs,
    MarkUsed,
    SwitchReading,
    TradingState,
    Verdict,
)
from agenttrader.model.events import Decided, Event, SegmentOpened, Sending
from agenttrader.model.identifiers import (
    AccountName,
    ActivityId,
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    Digest,
    ExecutionId,
    PersonName,
    StrategyName,
    Symbol,
    derive_client_order_id,
    derive_order_id,
    derive_proposed_id,
)
from agenttrader.model.instructions import Instruction
from agenttrader.model.instruments import Equity, Instrument
from agenttrader.model.market import Bar
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.permits import Permits
from agenttrader.model.records import Sealed
from agenttrader.model.reports import BrokerStatement, Execution, ExecutionReport, ReportedLeg, ReportKind
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import MINUTE, SECOND, Instant, from_rfc3339
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.reconciliation.structure import Grace
from agenttrader.runtime.inputs import Compared
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.statements import Authority
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.limits import limits_never_met

ACCOUNT = AccountName("SIM-1")
AGENT = AgentName("trader")
OTHER_AGENT = AgentName("bot")
EXITS = AgentName("exits")
STRATEGY = StrategyName("momentum")
PERSON = PersonName("ada")
ALFA, BRAVO, CHARLY = Symbol("ALFA"), Symbol("BRAVO"), Symbol("CHARLY")
CONFIGURATION = Digest("c0" * 32)
SWITCH = "file"
OPEN, CLOSE = from_rfc3339("2026-11-20T14:30:00Z"), from_rfc3339("2026-11-20T21:00:00Z")
DAY = Instant(24 * 60 * MINUTE)
CASH = Decimal(100_000)
PERMITS = Permits(
    status="ACTIVE",
    trading_blocked=False,
    account_blocked=False,
    trade_suspended_by_user=False,
    coin_status="ACTIVE",
    shorting=True,
    options_level=3,
)
FEES = FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30"))
MULTIPLIERS: Mapping[Symbol, Decimal] = dict.fromkeys((ALFA, BRAVO, CHARLY), Decimal(1))


def at(minutes: int, seconds: int = 0) -> Instant:
    """So long after the day's open."""
    return Instant(OPEN + minutes * MINUTE + seconds * SECOND)


def calendar() -> Calendar:
    """The trading day, the one before it, and the one after."""
    dates = ("2026-11-19", "2026-11-20", "2026-11-23")
    offsets = (-DAY, 0, 3 * DAY)
    return Calendar(
        name="XNYS",
        start=Instant(OPEN - 10 * DAY),
        end=Instant(OPEN + 10 * DAY),
        sessions=tuple(
            Session(date=date, open=Instant(OPEN + offset), close=Instant(CLOSE + offset))
            for date, offset in zip(dates, offsets, strict=True)
        ),
    )


def proposal(number: int = 1, **changes: Any) -> Proposal:
    """An entry of the agent: buy 10 ALFA at the market, out at 95 or 110."""
    name = derive_order_id("test", number)
    fields: dict[str, Any] = {
        "id": derive_proposed_id(changes.get("agent", AGENT), name),
        "client_order_id": name,
        "agent": AGENT,
        "strategy": STRATEGY,
        "legs": (Leg(ALFA),),
        "side": Side.BUY,
        "quantity": Decimal(10),
        "type": OrderType.MARKET,
        "time_in_force": TimeInForce.DAY,
        "effect": Effect.OPEN,
        "reason": "it rises",
        "decision_price": Decimal(100),
        "decision_time": at(1),
        "correlation_id": f"correlation-{number}",
        "exit_plan": ExitPlan(stop=Decimal(95), target=Decimal(110)),
    }
    return Proposal(**(fields | changes))


def closing_proposal(number: int = 100, **changes: Any) -> Proposal:
    """A close of the agent: sell 10 ALFA at the market, and cancel what protects them first."""
    fields = {"side": Side.SELL, "effect": Effect.CLOSE, "exit_plan": None, "reason": "it falls"}
    return proposal(number, **(fields | changes))


def decision(
    proposal: Proposal, *, denied_by: str | None = None, price: Decimal | None = Decimal(100)
) -> Decision:
    """A decision without its checks, made at `price` for every leg."""
    return Decision(
        verdict=Verdict.APPROVED if denied_by is None else Verdict.DENIED,
        denied_by=denied_by,
        checks=(),
        inputs=DecisionInputs(
            now=at(1),
            marks=tuple(MarkUsed(leg.symbol, price, at(1), "test") for leg in proposal.legs),
            switches=(),
            symbol_statuses=(),
            limits=Digest("a0" * 32),
            equity=CASH,
        ),
    )


def decided(proposal: Proposal, **how: Any) -> Decided:
    """The record of a decision about the proposal."""
    return Decided(proposal=proposal, decision=decision(proposal, **how))


def sending(proposal: Proposal, **changes: Any) -> Sending:
    """The record of the proposal leaving, with its plan's stop and target as its legs."""
    plan = proposal.exit_plan or ExitPlan()
    instruction = Instruction(
        legs=proposal.legs,
        side=proposal.side,
        quantity=proposal.quantity,
        type=proposal.type,
        time_in_force=proposal.time_in_force,
        limit_price=proposal.limit_price,
        stop_price=proposal.stop_price,
        stop=plan.stop,
        target=plan.target,
    )
    return Sending(order_id=proposal.id, instruction=structs.replace(instruction, **changes))


def report(kind: ReportKind, client_order_id: ClientOrderId | str, **changes: Any) -> ExecutionReport:
    """What the broker says of the order that we call `client_order_id`."""
    fields: dict[str, Any] = {
        "kind": kind,
        "client_order_id": ClientOrderId(client_order_id),
        "broker_order_id": BrokerOrderId(f"broker-{client_order_id}"),
        "time": at(1),
    }
    return ExecutionReport(**(fields | changes))


def execution(name: str = "e-1", **changes: Any) -> Execution:
    """A buy of 10 ALFA at 100."""
    fields: dict[str, Any] = {
        "id": ExecutionId(name),
        "symbol": ALFA,
        "side": Side.BUY,
        "quantity": Decimal(10),
        "price": Decimal(100),
    }
    return Execution(**(fields | changes))


def reported_legs(entry: str, stop: Decimal | None, target: Decimal | None) -> tuple[ReportedLeg, ...]:
    """The legs that the broker made for the order it calls `entry`."""
    legs = (("stop", stop, None), ("target", None, target))
    return tuple(
        ReportedLeg(
            broker_order_id=BrokerOrderId(f"{entry}-{name}"),
            client_order_id=ClientOrderId(f"theirs-{entry}-{name}"),
            limit_price=limit_price,
            stop_price=stop_price,
        )
        for name, stop_price, limit_price in legs
        if (stop_price or limit_price) is not None
    )


def bar(minute: int = 1, close: Decimal | int = 100, symbol: Symbol = ALFA) -> Bar:
    """The flat bar of a minute that ends `minute` minutes after the open."""
    price = Decimal(close)
    return Bar(
        symbol=symbol,
        start=at(minute - 1),
        interval=MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1_000),
    )


def statement(act: Act = Act.OPEN_WINDOW, **changes: Any) -> Statement:
    """A person's word, for the whole day, in epoch 1."""
    fields: dict[str, Any] = {
        "act": act,
        "account": ACCOUNT,
        "epoch": 1,
        "configuration": CONFIGURATION,
        "mode": Mode.PAPER,
        "scope": EVERYTHING,
        # A resume is for the time after what it lifts: until then, one minute into the day.
        "start": Instant(at(1) + 1) if act is Act.RESUME else OPEN,
        "end": CLOSE,
        "reason": "a trading day",
        "person": PERSON,
        "nonce": f"nonce-{act.value}",
        "issued_at": OPEN,
    }
    return Statement(**(fields | changes))


def signed(act: Act = Act.OPEN_WINDOW, **changes: Any) -> SignedStatement:
    """The statement as it stands once its signature was verified."""
    return SignedStatement(statement=statement(act, **changes), envelope="an envelope")


def segment(epoch: int = 1) -> SegmentOpened:
    """The opening of a process's segment."""
    return SegmentOpened(
        session="2026-11-20",
        account=ACCOUNT,
        epoch=epoch,
        configuration=CONFIGURATION,
        code="0123456789abcdef",
        parameters=Digest("d0" * 32),
        calendar=Digest("e0" * 32),
    )


def broker_statement(**changes: Any) -> BrokerStatement:
    """An account with cash and nothing else."""
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "time": OPEN,
        "cash": CASH,
        "equity": CASH,
        "buying_power": CASH,
        "positions": (),
        "open_orders": (),
        "activities": (),
        "executions": (),
        "permits": PERMITS,
    }
    return BrokerStatement(**(fields | changes))


def posted(name: str, kind: ActivityKind = ActivityKind.FEE, **changes: Any) -> AccountActivity:
    """Something that the broker posted at the open; a fee of 0.02 unless it is said to be another."""
    fields: dict[str, Any] = {
        "id": ActivityId(name),
        "kind": kind,
        "word": kind.value.upper(),
        "date": "2026-11-20",
        "time": OPEN,
    }
    if kind is ActivityKind.FEE:
        fields["amount"] = Decimal("-0.02")
    return AccountActivity(**(fields | changes))


def rules(**changes: Any) -> Rules:
    """Limits that a small order never meets, for one agent with a strategy and one bot without."""
    limits = limits_never_met((AGENT, OTHER_AGENT), STRATEGY, (ALFA, BRAVO, CHARLY))
    fields: dict[str, Any] = {
        "authority": authority(),
        "limits": limits,
        "limits_digest": limits.digest,
        "breakers": BREAKERS,
        "grants": {
            AGENT: grant(ALFA, BRAVO, strategies=(STRATEGY,)),
            OTHER_AGENT: grant(CHARLY),
            EXITS: grant(*MULTIPLIERS, strategies=(STRATEGY,), reduces_only=True),
        },
        "instruments": instruments(),
        "calendar": calendar(),
        "fees": FEES,
        "wired_switches": ("store", SWITCH),
        "market_source": "test",
        "comparison_seconds_max": 1_000_000,
        "structure_grace": Grace(opening_seconds=120, later_seconds=900),
    }
    return Rules(**(fields | changes))


def grant(*symbols: Symbol, strategies: tuple[StrategyName, ...] = (), **changes: Any) -> Grant:
    """What an agent may act for: entries up to PAPER, without a person's approval."""
    fields: dict[str, Any] = {"mode_ceiling": Mode.PAPER, "approval": Approval.AUTO}
    return Grant(strategies=frozenset(strategies), symbols=frozenset(symbols), **(fields | changes))


def authority(**changes: Any) -> Authority:
    """A simulated account under a ceiling of PAPER, with one operator."""
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "is_simulated": True,
        "configuration": CONFIGURATION,
        "ceiling": Mode.PAPER,
        "people": {PERSON: PersonRole.OPERATOR},
    }
    return Authority(**(fields | changes))


def instruments() -> dict[Symbol, Instrument]:
    """Shares of a cent's tick, traded whole."""
    return {
        symbol: Equity(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1))
        for symbol in (ALFA, BRAVO, CHARLY)
    }


def switch(state: TradingState, reason: str = "it says so") -> SwitchReading:
    """What the wired switch says."""
    return SwitchReading(name=SWITCH, state=state, reason=reason)


def compared(*breaks: Break, failure: str = "") -> Compared:
    """A comparison with the broker, and what it found."""
    return Compared("run", None if failure else broker_statement(), breaks, failure)


def canonical(value: object) -> bytes:
    """The value as the journal would write it: a number in a check is then the text that is read back."""
    return msgspec.json.encode(value, order="deterministic")


def client_id_of(sealed: Sealed[Event]) -> ClientOrderId:
    """What the order of a Sending is called towards the broker."""
    return derive_client_order_id(sealed.sequence, sealed.hash)
