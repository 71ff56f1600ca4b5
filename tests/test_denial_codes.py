"""Each limit stops a real order: sent over HTTP, the number itself is accepted and one unit more is denied.

And each code of the catalogue is met by an order that is denied by exactly it. What is denied reaches no
broker. An order is decided here as in a running gateway, by its session, engine and journal; only the broker
is scripted.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, get_type_hints

import aiohttp
import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.gateway.checks.catalog import CHECKS
from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    GroupLimits,
    GroupName,
    Limits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.model.authority import EVERYTHING, Approval, Mode, Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.instruments import Option
from agenttrader.model.market import StatusChange, TradingStatus
from agenttrader.model.orders import ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.protocols.native import encode, to_body
from agenttrader.runtime.inputs import (
    AccountStated,
    HaltAsked,
    Input,
    MarketSeen,
    StatementGiven,
    TimeReached,
)
from agenttrader.testing import builders as b
from agenttrader.testing.driver import READY
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway

D = Decimal
LIMIT, DAY, SELL = OrderType.LIMIT, TimeInForce.DAY, Side.SELL
NOPE = Symbol("NOPE")
SHORT = {"side": SELL, "exit_plan": ExitPlan(stop=D(105), target=D(90))}
OF_BRAVO = {"legs": (Leg(b.BRAVO),)}
GROUP = GroupName("tech")
OF_ALFA = GroupLimits(
    symbols=frozenset({b.ALFA}),
    gross_exposure_max=D(10_000_000),
    net_exposure_max=D(10_000_000),
    daily_orders_max=1_000,
    daily_new_risk_max=D(10_000_000),
)
KEYS = {hashlib.sha256(name.encode()).hexdigest(): name for name in (b.AGENT, b.OTHER_AGENT, b.EXITS)}


class Caller:
    """Agents of one gateway. Each key is its agent's name."""

    def __init__(self, http: aiohttp.ClientSession, gateway: SmallGateway) -> None:
        self.http = http
        self.gateway = gateway

    async def send(self, proposal: Proposal, agent: AgentName = b.AGENT) -> str:
        """The code that the proposal is answered with, after which what was denied has reached nobody."""
        before = len(self.gateway.broker.sent)
        body, headers = encode(to_body(proposal)), {"Authorization": f"Bearer {agent}"}
        async with self.http.post("/v1/proposals", data=body, headers=headers) as answer:
            found = msgspec.json.decode(await answer.read())
        code: str = found["decision"]["code"] if answer.status == 200 else f"{answer.status}"
        assert len(self.gateway.broker.sent) - before == (code == "approved")
        return code

    async def hear(self, *inputs: Input) -> None:
        for each in inputs:
            await self.gateway.session.ask(each)

    def fill(self) -> None:
        self.gateway.fill(self.gateway.broker.sent[-1])


@asynccontextmanager
async def calling(changes: dict[str, Any], heard: Sequence[Input] = READY) -> AsyncIterator[Caller]:
    """A gateway that has heard so much and has such rules, served."""
    gateway = SmallGateway(answer_wait_seconds=0.2, **changes)
    await gateway.trade(heard)
    gateway.broker.on_submit = gateway.accept
    async with (
        serving(create_gateway_app(gateway.desk, Keys(KEYS, {}))) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Caller(http, gateway)
    await gateway.stop()


def limited(**tables: dict[str, Any]) -> dict[str, Any]:
    """Rules whose limits have these numbers: of the account, and of each agent, symbol, group, strategy."""
    sane = replace(b.rules().limits, group={GROUP: OF_ALFA})
    limits = Limits(
        account=replace(sane.account, **tables.get("account", {})),
        **{
            kind: {name: replace(each, **tables.get(kind, {})) for name, each in getattr(sane, kind).items()}
            for kind in ("agent", "symbol", "group", "strategy")
        },
    )
    return {"limits": limits, "limits_digest": limits.digest}


def granted(**changes: Any) -> dict[str, Any]:
    """Rules under which the agent may act for something else."""
    grants = b.rules().grants
    return {"grants": {**grants, b.AGENT: replace(grants[b.AGENT], **changes)}}


def ready(old: Input, *new: Input) -> list[Input]:
    """What a gateway hears until it may trade, with something else in one place."""
    return [each for heard in READY for each in (new if heard is old else (heard,))]


STATED = READY[2]
STATEMENT, _, ALFAS_BAR = READY[5:8]
BARRED = replace(b.PERMITS, status="ACCOUNT_UPDATED")


class Edge(Struct, frozen=True):
    """One limit: the orders at it and beyond it, and what happens between them."""

    code: str
    limit: dict[str, dict[str, Any]]
    at: Proposal = b.proposal(1)
    beyond: Proposal = b.proposal(2, quantity=D(1))
    before: tuple[Input, ...] = ()
    between: tuple[Input, ...] = ()
    holds: bool = False
    """Whether 10 ALFA are held before."""
    option: bool = False
    """Whether ALFA and BRAVO are options on CHARLY: ALFA ends on the second day, BRAVO on the first."""


def account(**limit: Any) -> dict[str, dict[str, Any]]:
    return {"account": limit}


def agent(**limit: Any) -> dict[str, dict[str, Any]]:
    return {"agent": limit}


def symbol(**limit: Any) -> dict[str, dict[str, Any]]:
    return {"symbol": limit}


def group(**limit: Any) -> dict[str, dict[str, Any]]:
    return {"group": limit}


def strategy(**limit: Any) -> dict[str, dict[str, Any]]:
    return {"strategy": limit}


def priced(number: int, limit: str, **more: Any) -> Proposal:
    plan = ExitPlan(stop=D(50), target=D(200))
    return b.proposal(number, type=LIMIT, limit_price=D(limit), exit_plan=plan, **more)


AT_1000 = D(1_000)
"""What the entry of 10 at 100 is worth."""
OPTION = b.proposal(1, type=LIMIT, limit_price=D(100))
OPTION_MORE = b.proposal(2, type=LIMIT, limit_price=D(100), quantity=D(1))
OPTIONS = {
    "instruments": b.instruments()
    | {
        symbol: Option(
            symbol=symbol,
            tick=D("0.01"),
            lot=D(1),
            underlying=b.CHARLY,
            expiry=expiry,
            strike=D(100),
            right="call",
        )
        for symbol, expiry in ((b.ALFA, "2026-11-22"), (b.BRAVO, "2026-11-21"))
    }
}
LOW = ExitPlan(stop=D(80), target=D(120))
EDGES: dict[str, Edge] = {
    "account.gross_exposure_max": Edge("gross_exposure_account", account(gross_exposure_max=AT_1000)),
    "account.net_exposure_max": Edge("net_exposure_account", account(net_exposure_max=AT_1000)),
    "account.daily_loss_max": Edge(
        "daily_loss",
        account(daily_loss_max=D(50)),
        b.proposal(1, exit_plan=LOW),
        b.proposal(2, exit_plan=LOW),
        before=(MarketSeen(b.bar(2, 95)), TimeReached(b.at(2))),
        between=(MarketSeen(b.bar(3, D("94.99"))), TimeReached(b.at(3))),
        holds=True,
    ),
    "account.dead_machine_loss_max": Edge("dead_machine_loss", account(dead_machine_loss_max=D(50))),
    "account.orders_per_minute_max": Edge("order_rate_account", account(orders_per_minute_max=1)),
    "account.open_orders_max": Edge("open_orders_account", account(open_orders_max=1)),
    "account.daily_orders_max": Edge("daily_orders_account", account(daily_orders_max=1)),
    "account.daily_new_risk_max": Edge("daily_new_risk_account", account(daily_new_risk_max=AT_1000)),
    "account.market_fall_fraction_max": Edge(
        "market_fall",
        account(market_fall_fraction_max=D("0.07"), market_symbols=frozenset({b.BRAVO})),
        before=(MarketSeen(b.bar(2, 93, b.BRAVO)),),
        between=(MarketSeen(b.bar(3, D("92.99"), b.BRAVO)),),
    ),
    "account.restricted": Edge(
        "restricted", account(restricted=frozenset({b.ALFA})), b.proposal(1, **OF_BRAVO)
    ),
    "account.ungrouped_permitted": Edge(
        "symbol_group", account(ungrouped_permitted=False), beyond=b.proposal(2, **OF_BRAVO)
    ),
    "account.long_exposure_max": Edge("side_exposure_account", account(long_exposure_max=AT_1000)),
    "account.short_exposure_max": Edge(
        "side_exposure_account",
        account(short_exposure_max=AT_1000),
        b.proposal(1, **SHORT),
        b.proposal(2, **SHORT, quantity=D(1)),
    ),
    "account.concentration_fraction_max": Edge(
        "concentration", account(concentration_fraction_max=D("0.01"))
    ),
    "account.expiry_exposure_max": Edge(
        "expiry_exposure", account(expiry_exposure_max=AT_1000), OPTION, OPTION_MORE, option=True
    ),
    "account.days_to_expiry_min": Edge(
        "days_to_expiry",
        account(days_to_expiry_min=2),
        OPTION,
        replace(OPTION_MORE, **OF_BRAVO),
        option=True,
    ),
    "agent.gross_exposure_max": Edge("gross_exposure_agent", agent(gross_exposure_max=AT_1000)),
    "agent.net_exposure_max": Edge("net_exposure_agent", agent(net_exposure_max=AT_1000)),
    "agent.long_exposure_max": Edge("side_exposure_agent", agent(long_exposure_max=AT_1000)),
    "agent.short_exposure_max": Edge(
        "side_exposure_agent",
        agent(short_exposure_max=AT_1000),
        b.proposal(1, **SHORT),
        b.proposal(2, **SHORT, quantity=D(1)),
    ),
    "group.gross_exposure_max": Edge("gross_exposure_group", group(gross_exposure_max=AT_1000)),
    "group.net_exposure_max": Edge("net_exposure_group", group(net_exposure_max=AT_1000)),
    "group.daily_orders_max": Edge("daily_orders_group", group(daily_orders_max=1)),
    "group.daily_new_risk_max": Edge("daily_new_risk_group", group(daily_new_risk_max=AT_1000)),
    "strategy.gross_exposure_max": Edge("gross_exposure_strategy", strategy(gross_exposure_max=AT_1000)),
    "strategy.daily_orders_max": Edge("daily_orders_strategy", strategy(daily_orders_max=1)),
    "strategy.daily_new_risk_max": Edge("daily_new_risk_strategy", strategy(daily_new_risk_max=AT_1000)),
    "agent.orders_per_minute_max": Edge("order_rate_agent", agent(orders_per_minute_max=1)),
    "agent.messages_per_minute_max": Edge("message_rate", agent(messages_per_minute_max=1)),
    "agent.open_orders_max": Edge("open_orders_agent", agent(open_orders_max=1)),
    "agent.daily_orders_max": Edge("daily_orders_agent", agent(daily_orders_max=1)),
    "agent.daily_new_risk_max": Edge("daily_new_risk_agent", agent(daily_new_risk_max=AT_1000)),
    "agent.repeats_max": Edge("repeats", agent(repeats_max=1, repeat_seconds=60), beyond=b.proposal(2)),
    "agent.order_types": Edge("order_type", agent(order_types=(OrderType.MARKET,)), beyond=priced(2, "100")),
    "agent.times_in_force": Edge(
        "time_in_force", agent(times_in_force=(DAY,)), beyond=priced(2, "100", time_in_force=TimeInForce.GTC)
    ),
    "agent.extended_hours_permitted": Edge(
        "extended_hours",
        agent(extended_hours_permitted=False),
        priced(1, "100"),
        priced(2, "100", extended_hours=True),
    ),
    "symbol.order_quantity_max": Edge(
        "order_quantity", symbol(order_quantity_max=D(10)), beyond=b.proposal(2, quantity=D(11))
    ),
    "symbol.order_notional_max": Edge(
        "order_notional", symbol(order_notional_max=AT_1000), beyond=b.proposal(2, quantity=D(11))
    ),
    "symbol.position_quantity_max": Edge("position", symbol(position_quantity_max=D(10))),
    "symbol.price_collar_fraction_max": Edge(
        "price_collar",
        symbol(price_collar_fraction_max=D("0.05")),
        priced(1, "105"),
        priced(2, "105.01"),
    ),
    "symbol.price_move_fraction_max": Edge(
        "price_move",
        symbol(price_move_fraction_max=D("0.05"), price_move_seconds=60),
        priced(1, "105"),
        priced(2, "105.01"),
    ),
    "symbol.quote_age_seconds_max": Edge(
        "quote_age",
        symbol(quote_age_seconds_max=60),
        before=(TimeReached(b.at(2)),),
        between=(TimeReached(b.at(2, 1)),),
    ),
    "symbol.shorting_permitted": Edge(
        "shorting",
        symbol(shorting_permitted=False),
        b.proposal(1, **OF_BRAVO),
        b.proposal(2, **SHORT),
    ),
}

NOT_HERE = {
    "account.unprotected_seconds_max": "no order is held against it: time finds it, and it is a break",
    "group.symbols": "whose limits bind: a symbol in none is `account.ungrouped_permitted`",
    "account.market_symbols": "the names that `market_fall_fraction_max` is held against",
    "agent.repeat_seconds": "the time that `repeats_max` is counted in",
    "symbol.price_move_seconds": "the time that `price_move_fraction_max` is counted in",
    "symbol.reducing_price_collar_fraction_max": "a denial of `price_collar` too, asked of what reduces",
}


@pytest.mark.parametrize("limit", EDGES)
async def test_the_limit_itself_is_accepted_and_one_unit_more_is_denied_by_that_code(limit: str) -> None:
    edge = EDGES[limit]
    assert set(edge.limit) == {limit.partition(".")[0]}
    async with calling(limited(**edge.limit) | (OPTIONS if edge.option else {})) as caller:
        if edge.holds:
            assert await caller.send(b.proposal(3)) == "approved"
            caller.fill()
        await caller.hear(*edge.before)
        assert await caller.send(edge.at) == "approved"
        await caller.hear(*edge.between)
        assert await caller.send(edge.beyond) == edge.code


def test_every_limit_has_its_edge() -> None:
    tables = {"account": AccountLimits, "agent": AgentLimits, "symbol": SymbolLimits}
    tables |= {"group": GroupLimits, "strategy": StrategyLimits}
    limits = {f"{name}.{field}" for name, table in tables.items() for field in get_type_hints(table)}
    assert EDGES.keys() | NOT_HERE.keys() == limits


class StoppedClock:
    """A clock that no price moves, as a wall clock is."""

    def now(self) -> Instant:
        return b.at(1)

    def advance(self, instant: Instant) -> None:
        """Nothing."""


def trades(status: TradingStatus) -> StatusChange:
    return StatusChange(symbol=b.ALFA, time=b.at(1), status=status, reason="news")


class Refused(Struct, frozen=True):
    """An order that one check alone, or first, does not let pass."""

    proposal: Proposal = b.proposal(1)
    rules: Callable[[], dict[str, Any]] = dict
    heard: Sequence[Input] = READY
    agent: AgentName = b.AGENT
    first: Proposal | None = None
    """What is approved, and filled, before."""
    clock: StoppedClock | None = None


def without_the_agents_limits() -> dict[str, Any]:
    limits = replace(b.rules().limits, agent={})
    return {"limits": limits, "limits_digest": limits.digest}


REFUSED: dict[str, Refused] = {
    "agent": Refused(rules=without_the_agents_limits),
    "strategy": Refused(agent=b.OTHER_AGENT),
    "ownership": Refused(b.proposal(legs=(Leg(b.CHARLY),))),
    "may_open": Refused(agent=b.EXITS),
    "trading_state": Refused(heard=[*READY, HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "news")]),
    "window": Refused(heard=ready(STATEMENT, StatementGiven(b.signed(start=b.at(30))))),
    "mode": Refused(rules=lambda: granted(mode_ceiling=Mode.DRY_RUN)),
    "scope": Refused(
        heard=ready(STATEMENT, StatementGiven(b.signed(scope=Scope(ScopeKind.SYMBOL, b.BRAVO))))
    ),
    "valid_until": Refused(b.proposal(valid_until=b.at(0))),
    "instrument": Refused(
        b.proposal(legs=(Leg(NOPE),)), rules=lambda: granted(symbols=frozenset({NOPE, b.ALFA}))
    ),
    "shape": Refused(b.proposal(type=OrderType.STOP, stop_price=D(101), time_in_force=TimeInForce.IOC)),
    "session": Refused(b.proposal(time_in_force=TimeInForce.OPG)),
    "symbol_status": Refused(heard=[*READY, MarketSeen(trades(TradingStatus.HALTED))]),
    "account_permits": Refused(heard=ready(STATED, AccountStated(b.broker_statement(permits=BARRED)))),
    "quote": Refused(heard=ready(ALFAS_BAR, MarketSeen(trades(TradingStatus.TRADING)))),
    "quote_time": Refused(heard=ready(ALFAS_BAR, MarketSeen(b.bar(5))), clock=StoppedClock()),
    "opens": Refused(b.proposal(2, **SHORT), first=b.proposal(1)),
    "self_match": Refused(priced(2, "110"), first=b.proposal(1)),
    "reduces": Refused(b.closing_proposal()),
    "buying_power": Refused(b.proposal(2, quantity=D(1)), first=b.proposal(1, quantity=D(1_000))),
    "exit_plan": Refused(b.proposal(exit_plan=None)),
    "stop_price": Refused(b.proposal(exit_plan=ExitPlan(stop=D(105), target=D(110)))),
    "target_price": Refused(b.proposal(exit_plan=ExitPlan(stop=D(95), target=D(99)))),
    "order_lifetime": Refused(
        priced(1, "100"), heard=ready(STATEMENT, StatementGiven(b.signed(end=b.at(60))))
    ),
    "whole": Refused(b.closing_proposal(2, type=LIMIT, limit_price=D(100)), first=b.proposal(1)),
    "approval": Refused(rules=lambda: granted(approval=Approval.MANUAL)),
}

REFUSED_BEFORE = {
    "order_id": (b.proposal(1, quantity=D(11)), "the id of another order is refused, and not decided"),
    "tick": (priced(2, "100.001"), "a price between two ticks is refused, and not decided"),
    "lot": (b.proposal(2, quantity=D("10.5")), "a quantity between two lots is refused, and not decided"),
}
"""What the engine and this face refuse before a decision: the checks hold for those who would forget it."""


@pytest.mark.parametrize("code", REFUSED)
async def test_an_order_is_denied_by_exactly_that_code(code: str) -> None:
    case = REFUSED[code]
    async with calling({"clock": case.clock, **case.rules()}, case.heard) as caller:
        if case.first is not None:
            assert await caller.send(case.first) == "approved"
            caller.fill()
        assert await caller.send(case.proposal, case.agent) == code


async def test_what_is_no_order_at_all_is_refused_and_not_on_record() -> None:
    async with calling({}) as caller:
        assert await caller.send(b.proposal(1)) == "approved"
        for proposal, _ in REFUSED_BEFORE.values():
            assert await caller.send(proposal) == "422"
        assert sum(isinstance(event, Decided) for event in caller.gateway.events()) == 1


def test_every_code_is_met() -> None:
    met = {edge.code for edge in EDGES.values()} | REFUSED.keys() | REFUSED_BEFORE.keys()
    assert met == {rule.code for rule in CHECKS}
    assert not REFUSED.keys() & {edge.code for edge in EDGES.values()}
