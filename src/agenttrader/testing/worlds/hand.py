"""What persons permit just now, known from the hand that did it and not from any gateway.

Where it is not certain that something was taken in, as when the answer was an error, it counts as whatever
permits more: what is judged here must be wrong beyond doubt.
"""

from pathlib import Path

from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.times import Instant
from agenttrader.testing.worlds.loop import Seconds

REST_SECONDS = 4.0
"""How long a person leaves halted what was halted: so long it shows whether it is."""
GRACE_SECONDS = 1.0
"""How long after a person's word something may still leave: what the product promises."""


class Hand:
    """Windows, halts and the switch as persons have them."""

    def __init__(self, switch: Path) -> None:
        self._switch = switch
        self.window_end: Instant | None = None
        """When the lease ends that may be open; None where certainly none is."""
        self.window_closed_at = 0.0
        self.tightened_at = -REST_SECONDS
        """When anybody last halted, closed, killed or moved the switch."""
        self.loosened = 0
        """How often anybody has asked to loosen: what was asked for before that may be undone by it."""
        self.halts: dict[Scope, Seconds] = {}
        """Each halt that certainly stands, and since when."""
        self.switch_moved_at = 0.0
        """When anybody last moved it or may have."""
        self.fenced: tuple[str, Seconds] | None = None
        """The process that was fenced off, and since when."""

    def reason_against(
        self, sender: str, agent: str, symbol: str, now_seconds: float, told: Instant
    ) -> str | None:
        """Why nothing that adds risk may leave now; `told` is the market's time as the sender was told it."""
        if self.window_end is None:
            if now_seconds - self.window_closed_at > GRACE_SECONDS:
                return "no window was open"
        elif told >= self.window_end:
            return "the window had ended"
        for scope, since in self.halts.items():
            if _covers(scope, agent, symbol) and now_seconds - since > GRACE_SECONDS:
                return f"{scope.kind.value} {scope.name} was halted"
        if self.fenced is not None:
            process, since = self.fenced
            if process == sender and now_seconds - since > GRACE_SECONDS:
                return "the process was fenced off"
        if now_seconds - self.switch_moved_at > GRACE_SECONDS and not self._is_let_go():
            return "the halt switch did not stand at 0"
        return None

    def is_rested(self, now_seconds: float) -> bool:
        """Whether nobody has tightened anything for a while."""
        return now_seconds - self.tightened_at >= REST_SECONDS

    def move_switch(self, now_seconds: float) -> None:
        """Somebody writes the file, or is about to."""
        self.switch_moved_at = self.tightened_at = now_seconds

    def close_window(self, now_seconds: float) -> None:
        """No window is open any more, beyond doubt."""
        if self.window_end is not None:
            self.window_end, self.window_closed_at = None, now_seconds
            self.tightened_at = now_seconds

    def _is_let_go(self) -> bool:
        try:
            return self._switch.read_bytes() in (b"0\n", b"0")
        except OSError:
            return False


def _covers(scope: Scope, agent: str, symbol: str) -> bool:
    match scope.kind:
        case ScopeKind.AGENT:
            return scope.name == agent
        case ScopeKind.SYMBOL:
            return scope.name == symbol
        case ScopeKind.STRATEGY:
            return False
        case ScopeKind.EVERYTHING | ScopeKind.ACCOUNT:
            return True
