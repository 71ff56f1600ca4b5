"""One account at the simulated exchange, wired to the engine by function calls: an order without a wire.

The exchange is the real one, with its own ledger; the engine is the real one, with every check. Only the
socket between them is left out, so the translation here is the adapter's, in miniature.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    Grant,
    GroupLimits,
    GroupName,
    Limits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.model.authority import (
    EVERYTHING,
    Act,
    Approval,
    Mode,
    PersonRole,
    SignedStatement,
    Statement,
)
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.events import CancelRequested, Decided, Event, SegmentOpened, Sending
from agenttrader.model.identifiers import (
    AccountName,
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
)
from agenttrader.model.instructions import Instruction
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Bar
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.reports import BrokerStatement, Execution, ExecutionReport, ReportedLeg, ReportKind
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.reconciliation.structure import Grace
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    Compared,
    Input,
    LinkSeen,
    MarketSeen,
    Proposed,
    Reported,
    StatementGiven,
    SwitchSeen,
    TimeReached,
)
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.runtime.statements import Authority
from agenttrader.simulation import fees as venue_fees
from agenttrader.simulation import inputs as venue
from agenttrader.simulation import orders as venue_orders
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.listings import Listing
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import PERMITS

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
SYMBOLS = tuple(Symbol(f"S{number:02d}") for number in range(64))
"""As many as the orders of the largest group: 64 orders of one symbol would never work at once."""
SYMBOL = SYMBOLS[0]
AGENT = AgentName("bench")
STRATEGY = StrategyName("bench")
ACCOUNT = AccountName("BENCH-1")
CASH = Decimal("1000000000.00")
WIDE = Decimal(10) ** 12
"""A limit that every check compares with and none reaches."""
_FEES = {"sec_rate": Decimal("0.0000278"), "taf_rate": Decimal("0.000166"), "taf_cap": Decimal("8.30")}


def rules(bars: int) -> Rules:
    """The whole catalogue, with limits that are never reached, over one session as long as the bench."""
    close = Instant(OPEN + (bars + 2) * MINUTE)
    calendar = Calendar(
        name="BENCH",
        start=Instant(OPEN - MINUTE),
        end=close,
        sessions=(Session(date="2026-11-20", open=OPEN, close=close),),
    )
    limits = Limits(
        account=AccountLimits(
            gross_exposure_max=WIDE,
            net_exposure_max=WIDE,
            daily_loss_max=WIDE,
            dead_machine_loss_max=WIDE,
            unprotected_seconds_max=10**9,
            orders_per_minute_max=10**9,
            open_orders_max=10**9,
            daily_orders_max=10**9,
            daily_new_risk_max=WIDE,
            restricted=frozenset(),
            market_symbols=frozenset(),
            market_fall_fraction_max=Decimal("0.07"),
            ungrouped_permitted=False,
            long_exposure_max=WIDE,
            short_exposure_max=WIDE,
            concentration_fraction_max=WIDE,
            expiry_exposure_max=WIDE,
            days_to_expiry_min=0,
        ),
        agent={
            AGENT: AgentLimits(
                gross_exposure_max=WIDE,
                net_exposure_max=WIDE,
                long_exposure_max=WIDE,
                short_exposure_max=WIDE,
                orders_per_minute_max=10**9,
                messages_per_minute_max=10**9,
                open_orders_max=10**9,
                daily_orders_max=10**9,
                daily_new_risk_max=WIDE,
                repeats_max=10**9,
                repeat_seconds=60,
                order_types=(OrderType.MARKET, OrderType.LIMIT),
                times_in_force=(TimeInForce.DAY,),
                extended_hours_permitted=False,
            )
        },
        symbol={
            symbol: SymbolLimits(
                order_quantity_max=WIDE,
                order_notional_max=WIDE,
                position_quantity_max=WIDE,
                price_collar_fraction_max=Decimal("0.05"),
                reducing_price_collar_fraction_max=Decimal("0.20"),
                price_move_fraction_max=Decimal("0.5"),
                price_move_seconds=300,
                quote_age_seconds_max=120,
                shorting_permitted=False,
            )
            for symbol in SYMBOLS
        },
        group={
            GroupName("all"): GroupLimits(
                symbols=frozenset(SYMBOLS),
                gross_exposure_max=WIDE,
                net_exposure_max=WIDE,
                daily_orders_max=10**9,
                daily_new_risk_max=WIDE,
            )
        },
        strategy={
            STRATEGY: StrategyLimits(gross_exposure_max=WIDE, daily_orders_max=10**9, daily_new_risk_max=WIDE)
        },
    )
    return Rules(
        comparison_seconds_max=10**9,
        structure_grace=Grace(opening_seconds=120, later_seconds=900),
        authority=Authority(
            account=ACCOUNT,
            is_simulated=True,
            configuration=Digest("bench"),
            ceiling=Mode.PAPER,
            people={PersonName("bench"): PersonRole.OPERATOR},
        ),
        limits=limits,
        limits_digest=limits.digest,
        breakers=BREAKERS,
        grants={
            AGENT: Grant(
                strategies=frozenset({STRATEGY}),
                symbols=frozenset(SYMBOLS),
                mode_ceiling=Mode.PAPER,
                approval=Approval.AUTO,
            )
        },
        instruments={
            symbol: Equity(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1)) for symbol in SYMBOLS
        },
        calendar=calendar,
        fees=FeeSchedule(**_FEES),
        wired_switches=("store", "file"),
        market_source="bench",
    )


class SimulatedAccount:
    """An engine with an open window, an exchange, and a `commit` between deciding and sending."""

    def __init__(self, bars: int, commit: Callable[[list[Sealed[Event]]], object]) -> None:
        self._commit = commit
        self._close = Instant(OPEN + (bars + 2) * MINUTE)
        self.engine = Engine(rules(bars), State(dict.fromkeys(SYMBOLS, Decimal(1))), Chain())
        self.exchange = Exchange(
            venue.Settings(
                start=OPEN,
                listings=(Listing(symbol=SYMBOL, tick=Decimal("0.01"), lot=Decimal(1)),),
                accounts=(venue.AccountOpening(name=ACCOUNT, cash=CASH, shorting=False),),
                sessions=(venue.Session(date="2026-11-20", open=OPEN, close=self._close),),
                fees=venue_fees.FeeSchedule(**_FEES),
                market_reserve_percent=0,
            )
        )
        self.now = OPEN
        self.told = 0
        """Fills that the strategy was told of."""
        self._open_window()

    def bar(self, price: Decimal) -> None:
        """One minute at `price`: the exchange matches, the gateway takes the fills and marks."""
        start, end = self.now, Instant(self.now + MINUTE)
        seen = venue.BarSeen(
            symbol=SYMBOL,
            start=start,
            end=end,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=Decimal(100),
        )
        updates = (
            *self.exchange.handle(seen).updates,
            *self.exchange.handle(venue.WatermarkSeen(time=end)).updates,
        )
        self.now = end
        mark = Bar(
            symbol=SYMBOL,
            start=start,
            interval=MINUTE,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=Decimal(100),
        )
        self.handle([MarketSeen(mark), *self._reports(updates), TimeReached(end)])

    def mark_all(self, price: Decimal) -> None:
        """The gateway sees a bar of every symbol that ends now; the exchange does not."""
        start = Instant(self.now - MINUTE)
        for symbol in SYMBOLS:
            mark = Bar(
                symbol=symbol,
                start=start,
                interval=MINUTE,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=Decimal(100),
            )
            self.handle([MarketSeen(mark)])

    def propose(self, number: int, price: Decimal, effect: Effect) -> None:
        """One order from the strategy."""
        self.handle([Proposed(proposal(number, price, effect, self.now))])

    def handle(self, received: Iterable[Input]) -> None:
        """Decide on a batch, commit it, and only then let its sends reach the exchange; so its answers."""
        steps = [self.engine.handle(each, self.now) for each in received]
        self.finish(steps)

    def finish(self, steps: list[Step]) -> None:
        """Commit what the steps recorded, then send."""
        records = [record for step in steps for record in step.records]
        if records:
            self._commit(records)
        answers = [Reported(report) for step in steps for send in step.sends for report in self._send(send)]
        if answers:
            self.handle(answers)

    def _send(self, sealed: Sealed[Event]) -> list[ExecutionReport]:
        match sealed.event:
            case Decided(instruction=Instruction() as leaving) | Sending(instruction=leaving):
                return self._submit(sealed, leaving)
            case CancelRequested() as cancel:
                asked = venue.CancelAsked(account=ACCOUNT, order_id=cancel.broker_order_id)
                return [each.report for each in self._reports(self.exchange.handle(asked).updates)]
            case _:
                raise AssertionError(f"{sealed.kind} is not for the broker")

    def _submit(self, sealed: Sealed[Event], instruction: Instruction) -> list[ExecutionReport]:
        client_order_id = derive_client_order_id(sealed.sequence, sealed.hash)
        outcome = self.exchange.handle(
            venue.OrderSubmitted(
                account=ACCOUNT,
                submission=venue_orders.Submission(
                    symbol=instruction.legs[0].symbol,
                    side=venue_orders.Side(instruction.side.value),
                    type=venue_orders.OrderType(instruction.type.value),
                    time_in_force=venue_orders.TimeInForce(instruction.time_in_force.value),
                    quantity=instruction.quantity,
                    limit_price=instruction.limit_price,
                    stop_price=instruction.stop_price,
                    client_order_id=client_order_id,
                    **_exits(instruction),
                ),
            )
        )
        order = outcome.order
        if order is None:
            raise AssertionError(f"the exchange refused the bench's order: {outcome.refusal}")
        legs = tuple(
            ReportedLeg(
                broker_order_id=BrokerOrderId(leg),
                client_order_id=ClientOrderId(""),
                limit_price=instruction.target if place == 0 else None,
                stop_price=None if place == 0 else instruction.stop,
            )
            for place, leg in enumerate(order.legs)
        )
        return [
            ExecutionReport(
                kind=ReportKind.ACCEPTED,
                client_order_id=client_order_id,
                broker_order_id=BrokerOrderId(order.id),
                time=self.now,
                legs=legs,
            )
        ]

    def _reports(self, updates: Iterable[venue.Update]) -> list[Reported]:
        reports = []
        for update in updates:
            if not isinstance(update, venue.OrderChanged):
                continue
            order = update.order
            kind = _KINDS.get(order.status)
            if kind is None:
                continue
            execution = None
            if update.execution is not None:
                self.told += 1
                listing = self.exchange.books.listings[order.symbol]
                execution = Execution(
                    id=ExecutionId(update.execution.id),
                    symbol=Symbol(order.symbol),
                    side=Side(order.side.value),
                    quantity=listing.quantity(update.execution.lots),
                    price=listing.price(update.execution.price),
                )
            reports.append(
                Reported(
                    ExecutionReport(
                        kind=kind,
                        client_order_id=ClientOrderId(order.client_order_id),
                        broker_order_id=BrokerOrderId(order.id),
                        time=order.updated_at,
                        execution=execution,
                    )
                )
            )
        return reports

    def _open_window(self) -> None:
        segment = SegmentOpened(
            session="bench",
            account=ACCOUNT,
            epoch=1,
            configuration=Digest("bench"),
            code="bench",
            parameters=Digest("bench"),
            calendar=self.engine.rules.calendar.digest,
        )
        statement = BrokerStatement(
            account=ACCOUNT,
            time=OPEN,
            cash=CASH,
            equity=CASH,
            buying_power=CASH,
            positions=(),
            open_orders=(),
            activities=(),
            executions=(),
            permits=PERMITS,
        )
        window = Statement(
            act=Act.OPEN_WINDOW,
            account=ACCOUNT,
            epoch=1,
            configuration=Digest("bench"),
            mode=Mode.PAPER,
            scope=EVERYTHING,
            start=OPEN,
            end=self._close,
            reason="bench",
            person=PersonName("bench"),
            nonce="bench",
            issued_at=OPEN,
        )
        self.finish([self.engine.start(segment, OPEN)])
        self.handle(
            [
                LinkSeen("broker", up=True, reason=""),
                LinkSeen("marketdata", up=True, reason=""),
                AccountStated(statement),
                Compared("bench", statement, ()),
                TimeReached(OPEN),
                StatementGiven(SignedStatement(statement=window, envelope="")),
                SwitchSeen(SwitchReading(name="file", state=TradingState.ACTIVE, reason="")),
            ]
        )


def _exits(instruction: Instruction) -> dict[str, Any]:
    if instruction.stop is None or instruction.target is None:
        return {}
    return {
        "order_class": venue_orders.OrderClass.BRACKET,
        "target": instruction.target,
        "stop_loss": venue_orders.StopLoss(stop=instruction.stop),
    }


_KINDS = {
    venue_orders.Status.FILLED: ReportKind.FILLED,
    venue_orders.Status.CANCELED: ReportKind.CANCELED,
    venue_orders.Status.EXPIRED: ReportKind.EXPIRED,
}


def proposal(number: int, price: Decimal, effect: Effect, now: Instant, symbol: Symbol = SYMBOL) -> Proposal:
    """The bench's order number `number`: an entry with its exit plan, or the close of it."""
    opens = effect is Effect.OPEN
    return Proposal(
        id=derive_order_id(AGENT, "bench", symbol, now, number),
        agent=AGENT,
        strategy=STRATEGY,
        legs=(Leg(symbol),),
        side=Side.BUY if opens else Side.SELL,
        quantity=Decimal(100),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        effect=effect,
        reason="fast 100.4210 above slow 100.1307",
        decision_price=price,
        decision_time=now,
        correlation_id=f"{symbol}-{now}",
        exit_plan=ExitPlan(stop=Decimal("50.00"), target=Decimal("200.00")) if opens else None,
    )
