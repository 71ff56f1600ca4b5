"""A proposal at a moment under limits that permit it, to spoil one thing at a time."""

from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.gateway.decide import decide
from agenttrader.gateway.limits import Grant, GroupName, Limits
from agenttrader.gateway.snapshot import GroupView, LegView, Snapshot
from agenttrader.model.authority import EVERYTHING, Act, Approval, Mode, Statement
from agenttrader.model.decisions import Check, Decision, TradingState
from agenttrader.model.identifiers import (
    AccountName,
    AgentName,
    Digest,
    OrderId,
    PersonName,
    StrategyName,
    Symbol,
)
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Duration, Instant, from_rfc3339
from agenttrader.model.values import ZERO
from agenttrader.testing.builders import PERMITS
from agenttrader.testing.limits import limits_to_be_met

NOW = from_rfc3339("2026-11-20T15:00:00Z")
HOUR = Duration(60 * MINUTE)
ALFA, BRVO, CHRL = Symbol("ALFA"), Symbol("BRVO"), Symbol("CHRL")
AGENT, STRATEGY = AgentName("momentum"), StrategyName("momentum")
PRICES = {ALFA: Decimal("100.00"), BRVO: Decimal("50.00")}
GROUP = GroupName("shares")


class Situation(Struct, frozen=True, kw_only=True):
    """All that a decision is made on. Each method gives another situation; this one stays."""

    proposal: Proposal
    snapshot: Snapshot
    limits: Limits

    def decide(self) -> Decision:
        """What the gateway decides here."""
        return decide(self.proposal, self.snapshot, self.limits)

    def proposing(self, **changes: Any) -> "Situation":
        """The same with another proposal, and with leg views of its quantities."""
        proposal = replace(self.proposal, **changes)
        quantities = [proposal.signed_quantity(leg) for leg in proposal.legs]
        legs = zip(self.snapshot.legs, quantities, strict=True)
        views = tuple(replace(view, quantity=quantity) for view, quantity in legs)
        return replace(self, proposal=proposal, snapshot=replace(self.snapshot, legs=views))

    def seeing(self, **changes: Any) -> "Situation":
        """The same with another snapshot."""
        return replace(self, snapshot=replace(self.snapshot, **changes))

    def seeing_leg(self, number: int = 0, **changes: Any) -> "Situation":
        """The same with another view of one leg."""
        views = list(self.snapshot.legs)
        views[number] = replace(views[number], **changes)
        return self.seeing(legs=tuple(views))

    def marked(self, number: int = 0, **changes: Any) -> "Situation":
        """The same with another mark of one leg, and none but that of late."""
        view = self.snapshot.legs[number]
        assert view.mark is not None, f"expected leg {number} to have a mark to change"
        mark = replace(view.mark, **changes)
        ranged = None if view.ranged is None else (mark.price, mark.price)
        return self.seeing_leg(number, mark=mark, ranged=ranged)

    def granting(self, **changes: Any) -> "Situation":
        """The same with an agent that may act for something else."""
        assert self.snapshot.grant is not None, "expected a grant to change"
        return self.seeing(grant=replace(self.snapshot.grant, **changes))

    def leased(self, **changes: Any) -> "Situation":
        """The same with another window."""
        assert self.snapshot.window is not None, "expected a window to change"
        return self.seeing(window=replace(self.snapshot.window, **changes))

    def limiting_account(self, **changes: Any) -> "Situation":
        """The same with other limits of the account."""
        return replace(self, limits=replace(self.limits, account=replace(self.limits.account, **changes)))

    def limiting_agent(self, **changes: Any) -> "Situation":
        """The same with other limits of the agent."""
        agents = {name: replace(limits, **changes) for name, limits in self.limits.agent.items()}
        return replace(self, limits=replace(self.limits, agent=agents))

    def limiting_group(self, **changes: Any) -> "Situation":
        """The same with other limits of the group of symbols."""
        groups = {name: replace(limits, **changes) for name, limits in self.limits.group.items()}
        return replace(self, limits=replace(self.limits, group=groups))

    def limiting_strategy(self, **changes: Any) -> "Situation":
        """The same with other limits of the strategy."""
        strategies = {name: replace(limits, **changes) for name, limits in self.limits.strategy.items()}
        return replace(self, limits=replace(self.limits, strategy=strategies))

    def seeing_group(self, number: int = 0, **changes: Any) -> "Situation":
        """The same with another view of the group of one leg."""
        groups = tuple(replace(group, **changes) for group in self.snapshot.legs[number].groups)
        return self.seeing_leg(number, groups=groups)

    def limiting_symbol(self, symbol: Symbol = ALFA, **changes: Any) -> "Situation":
        """The same with other limits of one symbol."""
        symbols = self.limits.symbol | {symbol: replace(self.limits.symbol[symbol], **changes)}
        return replace(self, limits=replace(self.limits, symbol=symbols))


def entry() -> Situation:
    """Buy 100 ALFA at 100.00 at most, the mark; stop 97, target 105. Nothing else is held or works."""
    return _situation(_proposal((Leg(ALFA),)), position=ZERO)


def exit_of_long(effect: Effect = Effect.CLOSE) -> Situation:
    """Sell the 100 ALFA that are held, at the market."""
    selling = {"side": Side.SELL, "effect": effect, "type": OrderType.MARKET, "limit_price": None}
    proposal = replace(_proposal((Leg(ALFA),)), **selling, exit_plan=None)
    return _situation(proposal, position=Decimal(100))


def resting_stop() -> Situation:
    """Protect the 100 ALFA that are held by a stop at 97, good till canceled."""
    return exit_of_long(Effect.REDUCE).proposing(
        type=OrderType.STOP, stop_price=Decimal("97.00"), time_in_force=TimeInForce.GTC
    )


def resting_pair() -> Situation:
    """Leave the 100 ALFA that are held at 105 or 97, whichever comes first."""
    plan = ExitPlan(stop=Decimal("97.00"))
    return exit_of_long(Effect.REDUCE).proposing(
        type=OrderType.LIMIT, limit_price=Decimal("105.00"), exit_plan=plan
    )


def spread_entry() -> Situation:
    """Buy 100 ALFA and sell 200 BRVO at a net price of 0: their marks are 100 and 50.

    Nothing can rest with it: the exits unit protects it after the fill.
    """
    proposal = replace(
        _proposal((Leg(ALFA), Leg(BRVO, -2))),
        limit_price=ZERO,
        decision_price=ZERO,
        exit_plan=ExitPlan(stop=Decimal("-3.00"), target=Decimal("5.00")),
    )
    situation = _situation(proposal, position=ZERO).seeing(exits_unit=True)
    return situation.limiting_symbol(BRVO, shorting_permitted=True)


def market_entry() -> Situation:
    """The entry at the market."""
    return entry().proposing(type=OrderType.MARKET, limit_price=None)


def extended() -> Situation:
    """The entry for the hours around the session too, with an exits unit that protects it after the fill."""
    return entry().proposing(extended_hours=True).seeing(exits_unit=True)


def short_entry() -> Situation:
    """The entry as a short sale that is permitted; stop 103, target 95."""
    plan = ExitPlan(stop=Decimal("103.00"), target=Decimal("95.00"))
    return entry().proposing(side=Side.SELL, exit_plan=plan).limiting_symbol(shorting_permitted=True)


def nothing_right(effect: Effect) -> Situation:
    """A sale of 150 at 200.005, of what is not known, as no broker has it, by nobody, under no limits."""
    wrong = entry().proposing(
        side=Side.SELL,
        effect=effect,
        quantity=Decimal(150),
        limit_price=Decimal("200.005"),
        decision_price=Decimal(200),
        time_in_force=TimeInForce.OPG,
        extended_hours=True,
        valid_until=Instant(NOW - 1),
        exit_plan=ExitPlan(stop=Decimal("300.00")) if effect is Effect.REDUCE else None,
    )
    wrong = wrong.seeing(
        grant=None,
        id_used=True,
        trading_state=TradingState.HALTED,
        halt_reasons=("the file says 1",),
        window=None,
        session=None,
        permits=None,
        repeats=5,
        orders_last_minute_agent=5,
        messages_last_minute_agent=5,
        orders_last_minute_account=5,
        open_orders_agent=5,
        open_orders_account=5,
        entries_today_agent=5,
        entries_today_account=5,
        equity=Decimal(249_000),
        dead_machine_loss=Decimal(10**6),
        buying_power_fold=ZERO,
    )
    wrong = wrong.seeing_leg(
        instrument=None,
        status=TradingStatus.HALTED,
        mark=None,
        ranged=None,
        position=Decimal(50),
        opposed=True,
        facing=(Decimal(201),),
        reducible=ZERO,
        groups=(),
    )
    return _under_no_limits(wrong)


def check_of(decision: Decision, code: str) -> Check:
    """The result of one check of the decision."""
    return next(check for check in decision.checks if check.code == code)


def _under_no_limits(wrong: Situation) -> Situation:
    wrong = wrong.limiting_group(
        gross_exposure_max=ZERO, net_exposure_max=ZERO, daily_orders_max=0, daily_new_risk_max=ZERO
    )
    wrong = wrong.limiting_strategy(gross_exposure_max=ZERO, daily_orders_max=0, daily_new_risk_max=ZERO)
    wrong = wrong.limiting_account(
        gross_exposure_max=ZERO,
        net_exposure_max=ZERO,
        long_exposure_max=ZERO,
        short_exposure_max=ZERO,
        concentration_fraction_max=ZERO,
        daily_loss_max=ZERO,
        orders_per_minute_max=5,
        open_orders_max=5,
        daily_orders_max=5,
        daily_new_risk_max=ZERO,
        restricted=frozenset({ALFA}),
        market_symbols=frozenset({CHRL}),
    )
    wrong = wrong.limiting_agent(
        gross_exposure_max=ZERO,
        net_exposure_max=ZERO,
        long_exposure_max=ZERO,
        short_exposure_max=ZERO,
        orders_per_minute_max=5,
        messages_per_minute_max=5,
        open_orders_max=5,
        daily_orders_max=5,
        daily_new_risk_max=ZERO,
        order_types=(),
    )
    return wrong.limiting_symbol(order_quantity_max=ZERO, order_notional_max=ZERO, position_quantity_max=ZERO)


def _proposal(legs: tuple[Leg, ...]) -> Proposal:
    return Proposal(
        id=OrderId("0190f7c4-0000-4000-8000-000000000001"),
        agent=AGENT,
        strategy=STRATEGY,
        legs=legs,
        side=Side.BUY,
        quantity=Decimal(100),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        effect=Effect.OPEN,
        reason="fast above slow",
        decision_price=Decimal("100.00"),
        decision_time=NOW,
        correlation_id="bar-1",
        limit_price=Decimal("100.00"),
        exit_plan=ExitPlan(stop=Decimal("97.00"), target=Decimal("105.00"), trail=Decimal("2.00")),
    )


def _situation(proposal: Proposal, position: Decimal) -> Situation:
    views = tuple(
        LegView(
            symbol=leg.symbol,
            quantity=proposal.signed_quantity(leg),
            instrument=Equity(symbol=leg.symbol, tick=Decimal("0.01"), lot=Decimal(1)),
            status=TradingStatus.TRADING,
            mark=Mark(price=PRICES[leg.symbol], time=NOW, source="generated"),
            ranged=(PRICES[leg.symbol], PRICES[leg.symbol]),
            position=position,
            open_buy=ZERO,
            open_sell=ZERO,
            opposed=False,
            facing=(),
            reducible=abs(position),
            groups=(GroupView(GROUP, ZERO, ZERO, 0, ZERO),),
            expiry_exposure=ZERO,
        )
        for leg in proposal.legs
    )
    return Situation(
        proposal=proposal,
        snapshot=_snapshot(views),
        limits=limits_to_be_met(AGENT, STRATEGY, GROUP, (ALFA, BRVO), CHRL),
    )


def _snapshot(legs: tuple[LegView, ...]) -> Snapshot:
    session = Session(date="2026-11-20", open=Instant(NOW - HOUR), close=Instant(NOW + 6 * HOUR))
    return Snapshot(
        now=NOW,
        id_used=False,
        grant=Grant(
            strategies=frozenset({STRATEGY}),
            symbols=frozenset({ALFA, BRVO}),
            mode_ceiling=Mode.PAPER,
            approval=Approval.AUTO,
        ),
        legs=legs,
        trading_state=TradingState.ACTIVE,
        halt_reasons=(),
        switches=(("store", TradingState.ACTIVE), ("file", TradingState.ACTIVE)),
        window=Statement(
            act=Act.OPEN_WINDOW,
            account=AccountName("SIM-1"),
            epoch=1,
            configuration=Digest("0" * 64),
            mode=Mode.PAPER,
            scope=EVERYTHING,
            start=session.open,
            end=session.close,
            reason="a trading day",
            person=PersonName("operator"),
            nonce="1",
            issued_at=session.open,
        ),
        window_suspended="",
        mode_ceiling=Mode.PAPER,
        session=session,
        market=(),
        permits=PERMITS,
        repeats=0,
        orders_last_minute_agent=0,
        messages_last_minute_agent=0,
        orders_last_minute_account=0,
        open_orders_agent=0,
        open_orders_account=0,
        entries_today_agent=0,
        entries_today_account=0,
        new_risk_today_agent=ZERO,
        new_risk_today_account=ZERO,
        gross_exposure_agent=ZERO,
        gross_exposure_account=ZERO,
        net_long_agent=ZERO,
        net_short_agent=ZERO,
        net_long_account=ZERO,
        net_short_account=ZERO,
        long_exposure_agent=ZERO,
        short_exposure_agent=ZERO,
        long_exposure_account=ZERO,
        short_exposure_account=ZERO,
        gross_exposure_strategy=ZERO,
        entries_today_strategy=0,
        new_risk_today_strategy=ZERO,
        buying_power_fold=Decimal(250_000),
        buying_power_broker=Decimal(250_000),
        equity=Decimal(250_000),
        day_start_equity=Decimal(250_000),
        dead_machine_loss=ZERO,
        limits_digest=Digest("1" * 64),
    )
