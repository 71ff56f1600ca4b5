"""Who watches what leaves a gateway: the promises about orders, judged from outside of it.

It knows what a person did (windows, halts, the switch) from the hand that did it, not from the engine, and
what left from the route. Each broken promise is a sentence in `findings`.
"""

from collections import Counter
from decimal import Decimal

from agenttrader.gateway.limits import Limits
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided, Event, Sending
from agenttrader.model.identifiers import AgentName, ClientOrderId, OrderId, Symbol
from agenttrader.model.instructions import Instruction
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant, rfc3339
from agenttrader.testing.careless_gateway import Posting, Switch
from agenttrader.testing.careless_world import STRATEGY


class Watch:
    """What a person permits just now, and every order that left."""

    def __init__(self, limits: Limits, switch: Switch) -> None:
        self.findings: list[str] = []
        self.window: tuple[Scope, Instant, Instant] | None = None
        """The lease that stands: its scope, its start and its end."""
        self.halted: set[Scope] = set()
        self.proposals: dict[OrderId, Proposal] = {}
        """Every proposal that was ever made, under its id the first of them."""
        self.posted: Counter[ClientOrderId] = Counter()
        self._left: Counter[OrderId] = Counter()
        self._times: dict[Symbol, int] = {}
        self._limits = limits
        self._switch = switch

    def leaves(self, posting: Posting) -> None:
        """Judge an order as it leaves."""
        event = posting.leaving
        instruction = event.instruction
        assert instruction is not None
        self.posted[posting.client_order_id] += 1
        self._left[event.order_id] += 1
        name = f"order {event.order_id} at {rfc3339(posting.time)}"
        if self.posted[posting.client_order_id] > 1 or self._left[event.order_id] > 1:
            self.findings.append(f"{name} left twice")
        proposal = self.proposals[event.order_id]
        if proposal.effect is Effect.OPEN:
            for reason in self._reasons_against(proposal, instruction, posting.time):
                self.findings.append(f"{name} left {reason}")
        elif proposal.effect is Effect.REDUCE and not self._is_active(proposal):
            self.findings.append(f"{name} left to reduce while halted")

    def split(self, symbol: Symbol, new: int, old: int) -> None:
        """What is held becomes `new` for `old`, by nobody's order: as many times as much may be held."""
        self._times[symbol] = self._times.get(symbol, 1) * -(-new // old)

    def holds(self, symbol: Symbol, quantity: Decimal) -> None:
        """Judge a position as the venue states it."""
        most = self._limits.symbol[symbol].position_quantity_max * self._times.get(symbol, 1)
        if abs(quantity) > most:
            self.findings.append(f"the venue holds {quantity} {symbol}, at most {most} are permitted")

    def was_recorded(self, records: list[Sealed[Event]]) -> None:
        """Judge how often agents were let out, by the times on record."""
        approvals = Counter(
            (proposal.agent, sealed.time)
            for sealed in records
            if isinstance(sealed.event, Decided | Sending) and sealed.event.instruction is not None
            for proposal in [self.proposals[sealed.event.order_id]]
            if proposal.effect is Effect.OPEN
        )
        minutes: Counter[Instant] = Counter()
        for (agent, time), count in approvals.items():
            minutes[time] += count
            self._judge_rate(agent, count, self._limits.agent[agent].orders_per_minute_max, time)
        for time, count in minutes.items():
            self._judge_rate("the account", count, self._limits.account.orders_per_minute_max, time)

    def _judge_rate(self, whose: AgentName | str, count: int, most: int, time: Instant) -> None:
        if count > most:
            self.findings.append(
                f"{whose}: {count} entries approved at {rfc3339(time)}, at most {most} a minute"
            )

    def _reasons_against(self, proposal: Proposal, instruction: Instruction, now: Instant) -> list[str]:
        limits = self._limits.symbol[proposal.symbol]
        price = instruction.limit_price or instruction.stop_price or Decimal(0)
        against = {
            "without a window": not self._is_leased(proposal, now),
            "while halted": not self._is_active(proposal),
            "larger than permitted": instruction.quantity > limits.order_quantity_max,
            "dearer than permitted": instruction.quantity * price > limits.order_notional_max,
            "other than proposed": (instruction.side, instruction.quantity, instruction.type)
            != (proposal.side, proposal.quantity, proposal.type),
            "without its stop": instruction.stop is None,
        }
        return [reason for reason, holds in against.items() if holds]

    def _is_leased(self, proposal: Proposal, now: Instant) -> bool:
        if self.window is None:
            return False
        scope, start, end = self.window
        return start <= now < end and _covers(scope, proposal)

    def _is_active(self, proposal: Proposal) -> bool:
        if self._switch.state is not TradingState.ACTIVE:
            return False
        return not any(_covers(scope, proposal) for scope in self.halted)


def _covers(scope: Scope, proposal: Proposal) -> bool:
    match scope.kind:
        case ScopeKind.AGENT:
            return scope.name == proposal.agent
        case ScopeKind.SYMBOL:
            return scope.name == proposal.symbol
        case ScopeKind.STRATEGY:
            return scope.name == proposal.strategy == STRATEGY
        case ScopeKind.EVERYTHING | ScopeKind.ACCOUNT:
            return True
