"""What may leave now: latches, the window and the person's statements behind it, folded from the journal."""

from collections.abc import Iterator

from msgspec import Struct

from agenttrader.model.authority import EVERYTHING, Scope, ScopeKind, SignedStatement, Statement
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    Event,
    Halted,
    Resumed,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    WindowResumed,
    WindowSuspended,
)
from agenttrader.model.identifiers import AccountName, AgentName, StrategyName, Symbol
from agenttrader.model.times import Instant

STANDING_EVENTS = (
    Halted,
    Resumed,
    WindowOpened,
    WindowExtended,
    WindowSuspended,
    WindowResumed,
    WindowClosed,
)
"""The events that `Standing` folds."""


class Window(Struct, frozen=True, kw_only=True):
    """A lease to trade. A suspended one lets nothing in until a person resumes it."""

    statement: Statement
    suspended: str = ""
    """Why it is suspended; empty when it is not."""


class Standing:
    """Latches by scope, the window, and the nonces of statements that were used."""

    def __init__(self) -> None:
        self.latches: dict[Scope, Halted] = {}
        self.latched_at: dict[Scope, Instant] = {}
        """When each scope was last halted: only a statement made for a later time lifts it."""
        self.window: Window | None = None
        self.closed_at: Instant | None = None
        """When the last window ended; None while there is one, and before the first."""
        self.nonces: set[str] = set()

    def apply(self, event: Event, time: Instant) -> None:
        """Fold one event, recorded at `time`; those that are not about halts and windows change nothing."""
        match event:
            case Halted():
                latch = self.latches.get(event.scope)
                if latch is None or latch.state.severity <= event.state.severity:
                    self.latches[event.scope] = event
                self.latched_at[event.scope] = time
            case Resumed():
                self.use(event.signed)
                if event.scope == EVERYTHING:
                    self.latches.clear()
                    self.latched_at.clear()
                else:
                    self.latched_at.pop(event.scope, None)
                    self.latches.pop(event.scope, None)
            case WindowOpened() | WindowExtended() | WindowResumed():
                self.window, self.closed_at = Window(statement=self.use(event.signed)), None
            case WindowSuspended():
                if self.window is not None:
                    self.window = Window(statement=self.window.statement, suspended=event.reason)
            case WindowClosed():
                self.window, self.closed_at = None, time
            case _:
                pass

    def latches_on(
        self,
        account: AccountName,
        agents: tuple[AgentName, ...],
        strategy: StrategyName,
        symbols: tuple[Symbol, ...],
    ) -> Iterator[Halted]:
        """The latches whose scope covers an order of these agents and this strategy in these symbols."""
        names = {
            ScopeKind.EVERYTHING: ("",),
            ScopeKind.ACCOUNT: (account,),
            ScopeKind.AGENT: agents,
            ScopeKind.STRATEGY: (strategy,),
            ScopeKind.SYMBOL: symbols,
        }
        return (latch for scope, latch in self.latches.items() if scope.name in names[scope.kind])

    def use(self, signed: SignedStatement) -> Statement:
        """The statement, which cannot be used again."""
        self.nonces.add(signed.statement.nonce)
        return signed.statement


def words_of(scope: Scope) -> str:
    """The scope as a person reads it, such as `symbol ALFA`."""
    return f"{scope.kind.value} {scope.name}".strip()


def severest(states: Iterator[TradingState]) -> TradingState:
    """The severest of several trading states; ACTIVE of none."""
    return max(states, key=lambda state: state.severity, default=TradingState.ACTIVE)
