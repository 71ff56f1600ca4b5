"""What may be shown of the state: bodies of `/v1`, made from the fold and the market's last word.

They change nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec.structs import replace

from agenttrader.gateway.sentences import sentence_of
from agenttrader.model.authority import ScopeKind
from agenttrader.model.decisions import Check, Decision, TradingState, Verdict
from agenttrader.model.events import Filled
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.orders import OrderState, Role
from agenttrader.model.times import rfc3339
from agenttrader.model.values import ZERO, is_on_step
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.native import (
    AccountBody,
    CheckBody,
    DecisionBody,
    ExitPlanBody,
    FillMade,
    OrderBody,
    PositionBody,
    Snapshot,
    TradingBody,
    exit_plan_body,
    proposal_id_of,
)
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.protection import is_closing

SHOWN_DECIMALS = Decimal("0.0001")


def order_body(order: Order) -> OrderBody:
    """An order as the book has it, with the sentence of its denial."""
    proposal = order.proposal
    average = order.average_price()
    return OrderBody(
        id=order.id,
        agent=order.agent,
        strategy=proposal.strategy,
        symbol=proposal.symbol,
        side=order.side,
        type=order.type,
        effect=order.effect,
        role=order.role.value,
        quantity=order.quantity,
        filled_quantity=order.filled,
        state=order.state.value,
        reason=proposal.reason,
        time=rfc3339(order.updated),
        proposal_id=None if order.is_leg else proposal_id_of(proposal),
        parent=order.parent.id if order.parent else None,
        replaces=proposal.replaces,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        average_price=None if average is None else average.quantize(SHOWN_DECIMALS),
        denied_by=order.denied_by,
        sentence="" if order.denial is None else sentence_of(order.denial),
        exit_plan=exit_plan_body(proposal.exit_plan) if order.role is Role.ENTRY else None,
    )


def decision_on(order: Order) -> DecisionBody:
    """The decision about an order; of one that is not kept whole any more the check that denied it, alone."""
    if order.decision is not None:
        return decision_body(order.decision)
    denial = order.denial
    return DecisionBody(
        code=Verdict.APPROVED.value if denial is None else denial.code,
        sentence="approved: all checks passed" if denial is None else sentence_of(denial),
        checks=() if denial is None else (_check_body(denial),),
    )


def decision_body(decision: Decision) -> DecisionBody:
    """The decision in its code and sentence, with every check."""
    return DecisionBody(
        code=decision.denied_by or decision.verdict.value,
        sentence=sentence_of_decision(decision),
        checks=tuple(_check_body(check) for check in decision.checks),
    )


def sentence_of_decision(decision: Decision) -> str:
    """What a person is told: the first failure with its numbers, or that all checks passed."""
    failed = next((check for check in decision.checks if not check.passed), None)
    return f"approved: all {len(decision.checks)} checks passed" if failed is None else sentence_of(failed)


def position_bodies(book: Book, prices: Mapping[Symbol, Decimal]) -> tuple[PositionBody, ...]:
    """Every position that is not flat, in the order of its symbol."""
    return tuple(
        _position(book, symbol, holding, prices.get(symbol))
        for symbol, holding in sorted(book.positions().items())
    )


def visible_positions(engine: Engine, agent: AgentName | None) -> tuple[PositionBody, ...]:
    """The positions in the agent's own symbols; None: an operator, who sees all."""
    bodies = tuple(
        _as_stated(body, engine) for body in position_bodies(engine.state.book, engine.market.prices)
    )
    if agent is None:
        return bodies
    grant = engine.rules.grants.get(agent)
    return tuple(body for body in bodies if grant is not None and body.symbol in grant.symbols)


def _as_stated(body: PositionBody, engine: Engine) -> PositionBody:
    """The position with what more than the book says of it.

    That is the broker's word, how long it is bare, and its plan at prices at which orders can rest.
    """
    state, plan = engine.state, body.exit_plan
    bare, instrument = state.bare.get(body.symbol), engine.rules.instruments.get(body.symbol)
    if plan is not None and instrument is not None:
        plan = _on_tick(plan, instrument.tick, is_long=body.quantity > ZERO)
    return replace(
        body,
        exit_plan=plan,
        unprotected_since=None if bare is None else rfc3339(bare.since),
        stated_quantity=state.stated(body.symbol),
    )


def _on_tick(plan: ExitPlanBody, tick: Decimal, *, is_long: bool) -> ExitPlanBody:
    """The plan with stop and target on the tick: a split may have left them between two.

    Each is put on the one nearer to the market, so that neither lies further away than was approved.
    """
    up, down = (ROUND_CEILING, ROUND_FLOOR) if is_long else (ROUND_FLOOR, ROUND_CEILING)

    def fitted(price: Decimal | None, rounding: str) -> Decimal | None:
        if price is None or is_on_step(price, tick):
            return price
        return (price / tick).to_integral_value(rounding) * tick

    return replace(plan, stop=fitted(plan.stop, up), target=fitted(plan.target, down))


def viewer(engine: Engine, agent: AgentName | None) -> AgentName | None:
    """As whom `agent` sees orders and positions: the exits unit sees all, as an operator does (None)."""
    return None if engine.rules.only_reduces(agent) else agent


def account_body(engine: Engine) -> AccountBody:
    """The account at the last marks; the equity of a position without a mark is its cost."""
    book = engine.state.book
    value = engine.valued.value()
    return AccountBody(
        equity=book.cash + value.net_exposure,
        cash=book.cash,
        realised=book.realised,
        unrealised=value.unrealised,
        fees=book.fees,
        gross_exposure=value.gross_exposure,
        dead_machine_loss=engine.valued.dead_machine_loss(),
    )


def trading_body(engine: Engine) -> TradingBody:
    """What may leave, and every reason why not more may."""
    standing = engine.standing()
    window = engine.state.standing.window
    return TradingBody(
        state=standing.state.value,
        reasons=(*standing.reasons, *_narrower_halts(engine)),
        mode=window.statement.mode.value
        if window is not None and standing.state is TradingState.ACTIVE
        else "off",
        window_start=rfc3339(window.statement.start) if window else None,
        window_end=rfc3339(window.statement.end) if window else None,
    )


def _narrower_halts(engine: Engine) -> Iterator[str]:
    """What is halted for some only: an agent, a strategy, a symbol."""
    for scope, latch in engine.state.standing.latches.items():
        if scope.kind not in (ScopeKind.EVERYTHING, ScopeKind.ACCOUNT):
            name = f"{scope.kind.value} {scope.name}"
            yield f"only {name} is {latch.state.value}, by {latch.by}: {latch.reason}"
    for broken in engine.state.breaks:
        if broken.symbol is not None:
            yield f"only symbol {broken.symbol} is halted by break {broken.kind.value}: {broken.sentence}"


def snapshot_body(engine: Engine, agent: AgentName | None, watermark: str | None) -> Snapshot:
    """Everything that `agent` may see of orders and positions; None: an operator, who sees all."""
    orders = engine.state.book.orders.by_id.values()
    return Snapshot(
        watermark=watermark,
        orders=tuple(order_body(order) for order in visible(orders, agent)),
        positions=visible_positions(engine, agent),
        account=account_body(engine),
        trading=trading_body(engine),
        fills=tuple(fill_body(fill) for fill in _fills_of_the_day(engine, agent)),
    )


def fill_body(fill: Filled) -> FillMade:
    """One execution as it is told."""
    return FillMade(
        order_id=fill.order_id,
        symbol=fill.symbol,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        time=rfc3339(fill.time),
        execution_id=fill.execution_id,
    )


def _fills_of_the_day(engine: Engine, agent: AgentName | None) -> Iterator[Filled]:
    """What the agent's orders have filled since the open, in the journal's order."""
    book, day = engine.state.book, engine.state.day
    for fill in book.executions.values():
        is_seen = agent is None or book.orders.by_id[fill.order_id].agent == agent
        if is_seen and day is not None and fill.time >= day.open:
            yield fill


def visible(orders: Iterable[Order], agent: AgentName | None) -> Iterable[Order]:
    """The orders that an agent may see: its own."""
    return (order for order in orders if agent is None or order.agent == agent)


def _check_body(check: Check) -> CheckBody:
    return CheckBody(
        code=check.code, observed=_text(check.observed), permitted=_text(check.permitted), passed=check.passed
    )


def _text(value: object) -> str | None:
    """A number or text of a check, the same whether it was just made or read back from the journal."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return None if value is None else str(value)


def _position(book: Book, symbol: Symbol, holding: Holding, mark: Decimal | None) -> PositionBody:
    protection = book.protection(symbol)
    stops = [
        leg
        for leg in protection
        if leg.role is Role.STOP and leg.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
    ]
    targets = [leg for leg in protection if leg.role is Role.TARGET]
    tenure = book.tenure(symbol)
    assert tenure is not None, f"{symbol}: expected a tenure of what is held, {holding.quantity}"
    return PositionBody(
        symbol=symbol,
        quantity=holding.quantity,
        average_price=holding.average_price().quantize(SHOWN_DECIMALS),
        mark=mark,
        unrealised=ZERO if mark is None else holding.unrealised(mark),
        protected_quantity=book.covered(symbol),
        stop=stops[0].stop_price if stops else None,
        target=targets[0].limit_price if targets else None,
        sequence=tenure.sequence,
        since=rfc3339(tenure.since),
        agent=tenure.agent,
        strategy=tenure.strategy,
        exit_plan=exit_plan_body(tenure.plan),
        closing=is_closing(book, symbol),
    )
