"""Agents that propose what comes to mind, and a person who halts and resumes as it suits, behind a gateway.

Most proposals are sane, so that many are approved and live; the rest are too large, too far, on no tick, in
somebody else's symbol, sent twice, changed under the same id, or against a halt.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from msgspec import structs

from agenttrader.model.authority import EVERYTHING, Act, Scope, ScopeKind, SignedStatement, Statement
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol, derive_order_id
from agenttrader.model.orders import Effect, ExitPlan, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.inputs import (
    CancelAsked,
    HaltAsked,
    LinkSeen,
    Proposed,
    StatementGiven,
    SwitchSeen,
    WindowCloseAsked,
)
from agenttrader.testing.careless_gateway import CarelessGateway
from agenttrader.testing.careless_watch import Watch
from agenttrader.testing.careless_world import (
    ALFA,
    BOT,
    CLOSES,
    CONFIGURATION,
    LIMITS,
    NOPE,
    OPEN,
    OWNERS,
    PERSON,
    STRATEGIST,
    STRATEGY,
)

T = TypeVar("T")
_CENT = Decimal("0.01")
BREAKS_ONE_IN = 25
"""Minutes, on average, after which the person breaks something that works."""


class CarelessAgents:
    """Both agents of the account, with one chance between them."""

    def __init__(self, gateway: CarelessGateway, watch: Watch, chance: Random) -> None:
        self._gateway, self._watch, self._chance = gateway, watch, chance
        self._number = 0

    def act(self) -> None:
        """One thing."""
        acts: tuple[tuple[int, Callable[[], None]], ...] = (
            (10, self._enter),
            (3, self._leave),
            (3, self._cancel),
            (1, self._repeat),
        )
        self._chance.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    def _enter(self) -> None:
        symbol = self._one_of(*OWNERS)
        mark = self._gateway.engine.market.prices.get(symbol, CLOSES[symbol])
        held = self._gateway.engine.state.book.position(symbol)
        side = self._one_of(Side.BUY, Side.BUY, Side.SELL)
        if held and not self._one_in(6):
            side = Side.BUY if held > 0 else Side.SELL
        limits = LIMITS.symbol[symbol]
        quantity = Decimal(self._chance.randint(1, int(min(limits.order_quantity_max, 14_000 / mark)) or 1))
        kind = self._one_of(OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.STOP)
        near = self._near(mark)
        away = mark * self._chance.randint(2, 40) / 1_000
        worst, best = (near - away, near + away) if side is Side.BUY else (near + away, near - away)
        changes: dict[str, Any] = {
            "side": side,
            "quantity": quantity,
            "type": kind,
            # Only the bot may let an order live on, and it likes to.
            "time_in_force": self._one_of(
                TimeInForce.DAY,
                TimeInForce.GTC if OWNERS[symbol] == BOT else TimeInForce.DAY,
                TimeInForce.GTC,
            ),
            "limit_price": near if kind is OrderType.LIMIT else None,
            "stop_price": near if kind is OrderType.STOP else None,
            "exit_plan": ExitPlan(
                stop=worst.quantize(_CENT), target=self._one_of(None, *[best.quantize(_CENT)] * 3)
            ),
            "decision_price": mark,
        }
        self._propose(symbol, **(changes | self._slip(mark, limits.order_quantity_max)))

    def _slip(self, mark: Decimal, most: Decimal) -> dict[str, Any]:
        """What a careless agent gets wrong, one time in six."""
        if not self._one_in(6):
            return {}
        slips: tuple[dict[str, Any], ...] = (
            {"quantity": most + 1},
            {"quantity": most * 3},
            {"quantity": most},
            {"legs": (Leg(NOPE),)},
            {"quantity": Decimal("1.5")},
            {"type": OrderType.LIMIT, "limit_price": (mark * 2).quantize(_CENT), "stop_price": None},
            {"type": OrderType.LIMIT, "limit_price": mark + Decimal("0.001"), "stop_price": None},
            {"exit_plan": None},
            {"exit_plan": ExitPlan(stop=mark * Decimal("0.9") + Decimal("0.001"))},
            {"exit_plan": ExitPlan(stop=(mark * 2).quantize(_CENT))},
            {"agent": STRATEGIST, "strategy": STRATEGY},
            {"agent": BOT, "strategy": StrategyName("")},
            {"agent": AgentName("a stranger")},
            {"strategy": StrategyName("another's")},
            {"effect": Effect.REDUCE, "exit_plan": None},
            {"decision_price": mark * 3},
            {"valid_until": Instant(OPEN - MINUTE)},
        )
        return self._one_of(*slips)

    def _leave(self) -> None:
        """Reduce or close something that is held, or, carelessly, that is not."""
        positions = self._gateway.engine.state.book.positions()
        symbol = self._one_of(*OWNERS) if not positions or self._one_in(8) else self._one_of(*positions)
        held = self._gateway.engine.state.book.position(symbol)
        closes = self._one_in(2)
        whole = abs(held) or Decimal(5)
        part = Decimal(self._chance.randint(1, int(whole)))
        self._propose(
            symbol,
            side=Side.SELL if held >= 0 else Side.BUY,
            effect=Effect.CLOSE if closes else Effect.REDUCE,
            quantity=whole if (closes and not self._one_in(10)) or self._one_in(3) else part,
            exit_plan=None,
        )

    def _cancel(self) -> None:
        """Ask for the end of an order, whatever it is and whoever's."""
        orders = self._gateway.engine.state.book.orders
        open_orders = list(orders.open_orders())
        known = [order.id for order in open_orders] if self._chance.randrange(5) else list(orders.by_id)
        order_id = self._one_of(*known) if known else OrderId("nobody's")
        who = self._one_of(STRATEGIST, BOT, None)
        self._gateway.handle(CancelAsked(order_id, who or PERSON, "a change of mind", who))

    def _repeat(self) -> None:
        """Send an old proposal again, word for word or changed under its id."""
        if not self._watch.proposals:
            return
        old = self._one_of(*self._watch.proposals.values())
        again = structs.replace(old, quantity=old.quantity + 1) if self._one_in(3) else old
        records = self._gateway.engine.chain.sequence
        refusal = self._gateway.handle(Proposed(again))
        if self._gateway.engine.chain.sequence != records or bool(refusal) is (again == old):
            self._watch.findings.append(f"proposal {old.id}, sent again, was not answered by what is known")

    def _propose(self, symbol: Symbol, **changes: Any) -> None:
        self._number += 1
        agent, now = OWNERS[symbol], self._gateway.now
        fields: dict[str, Any] = {
            "id": derive_order_id(agent, "careless", symbol, now, self._number),
            "agent": agent,
            "strategy": STRATEGY if agent == STRATEGIST else StrategyName(""),
            "legs": (Leg(symbol),),
            "type": OrderType.MARKET,
            "time_in_force": TimeInForce.DAY,
            "effect": Effect.OPEN,
            "reason": "it came to mind",
            "decision_price": self._gateway.engine.market.prices.get(symbol, CLOSES[symbol]),
            "decision_time": now,
            "correlation_id": f"careless-{self._number}",
        }
        made = Proposal(**(fields | changes))
        self._watch.proposals[made.id] = made
        self._gateway.handle(Proposed(made))

    def _near(self, mark: Decimal) -> Decimal:
        return max(_CENT, (mark * self._chance.randint(985, 1_015) / 1_000).quantize(_CENT))

    def _one_of(self, *several: T) -> T:
        return self._chance.choice(several)

    def _one_in(self, chances: int) -> bool:
        return self._chance.randrange(chances) == 0


class CarelessPerson:
    """Who opens windows, halts, moves the switch and pulls the plug, and puts it right some minutes later."""

    def __init__(self, gateway: CarelessGateway, watch: Watch, chance: Random, session: Session) -> None:
        self._gateway, self._watch, self._chance = gateway, watch, chance
        self.session = session
        """The one that is played, or will be next."""
        self._statements = 0
        self._mend_at: Instant | None = None
        self._suspended: tuple[Scope, Instant, Instant] | None = None
        """The lease that a restart suspended."""

    def act(self) -> None:
        """Mend what was to be mended by now; else, seldom, break something; and see that a window is open."""
        now = self._gateway.now
        window = self._watch.window
        if window is not None and now >= window[2]:
            self._watch.window = None  # Nobody needs to close what has ended.
        if self._chance.randrange(3) == 0:
            self._gateway.handle(SwitchSeen(self._gateway.switch.read()))
        if self._mend_at is not None:
            if now >= self._mend_at:
                self._mend()
            return
        if self._watch.window is None and now >= self.session.open and self._chance.randrange(3) == 0:
            self._open_window()
        elif self._chance.randrange(BREAKS_ONE_IN) == 0:
            self._break()
            self._mend_at = Instant(now + self._chance.randint(1, 6) * MINUTE)

    def _break(self) -> None:
        gateway = self._gateway
        match self._chance.randrange(7):
            case 0:
                self._watch.window = None
                gateway.handle(WindowCloseAsked(PERSON, "a careless person"))
            case 1:
                gateway.switch.move(halted=True, reason="")
                if self._chance.randrange(2):
                    gateway.handle(SwitchSeen(gateway.switch.read()))
            case 2:
                gateway.die()
                self._suspended, self._watch.window = self._watch.window, None
                gateway.start_again()
            case 3:
                link = self._chance.choice(("broker", "marketdata"))
                self._watch.halted.add(EVERYTHING)
                gateway.handle(LinkSeen(link, up=False, reason="a careless person"))
            case _:
                scopes = (EVERYTHING, Scope(ScopeKind.SYMBOL, ALFA), Scope(ScopeKind.AGENT, BOT))
                scope = self._chance.choice(scopes)
                state = self._chance.choice((TradingState.HALTED, TradingState.HALTED, TradingState.FROZEN))
                self._watch.halted.add(scope)
                gateway.handle(HaltAsked(scope, state, PERSON, "a careless person"))

    def _mend(self) -> None:
        self._mend_at = None
        gateway = self._gateway
        gateway.switch.move(halted=False, reason="")
        gateway.handle(SwitchSeen(gateway.switch.read()))
        for link in ("broker", "marketdata"):
            gateway.handle(LinkSeen(link, up=True, reason="put right"))
        if self._chance.randrange(3) == 0:
            gateway.compare()
        if self._give(Act.RESUME, EVERYTHING, self.session.close) in ("", "nothing is latched on everything"):
            self._watch.halted.clear()
            self._resume_window()
        else:
            # Something was latched in this very minute, which no statement for now lifts.
            self._mend_at = Instant(gateway.now + MINUTE)

    def _resume_window(self) -> None:
        """Let a suspended lease go on, or end it where it may not."""
        if self._suspended is None:
            return
        (scope, _, end), self._suspended = self._suspended, None
        now = self._gateway.now
        if self._give(Act.RESUME_WINDOW, scope, end):
            self._gateway.handle(WindowCloseAsked(PERSON, "it cannot be resumed"))
        else:
            self._watch.window = (scope, now, end)
            self._gateway.handle(SwitchSeen(self._gateway.switch.read()))

    def _open_window(self) -> None:
        scope = self._chance.choice((EVERYTHING, EVERYTHING, EVERYTHING, Scope(ScopeKind.SYMBOL, ALFA)))
        shorter = self._chance.choice((0, 0, 10, 20))
        end = Instant(self.session.close - shorter * MINUTE)
        start = self._gateway.now
        if not self._give(Act.OPEN_WINDOW, scope, end):
            self._watch.window = (scope, start, end)
            # What was read of the switch before counts no more.
            self._gateway.handle(SwitchSeen(self._gateway.switch.read()))

    def _give(self, act: Act, scope: Scope, end: Instant) -> str:
        """Hand in a statement; the refusal, or nothing."""
        self._statements += 1
        now = self._gateway.now
        statement = Statement(
            act=act,
            account=self._gateway.account,
            epoch=self._gateway.epoch,
            configuration=CONFIGURATION,
            mode=self._gateway.engine.rules.authority.ceiling,
            scope=scope,
            start=now,
            end=end,
            reason="a careless day",
            person=PERSON,
            nonce=str(self._statements),
            issued_at=now,
        )
        return self._gateway.handle(StatementGiven(SignedStatement(statement=statement, envelope="")))
