"""When a position must be left, by the first rule of its plan: trailing, target, stop, time, session.

Stop and target rest at the broker where it can hold them, and are then the broker's to act on; the rules act
on them only for a position whose protection does not rest. Every price is judged against the close that is
known, never against a bar's low that a high of the same bar may have followed.
"""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.orders import ExitPlan, Side
from agenttrader.model.times import SECOND, Instant, rfc3339


class Held(Struct, frozen=True, kw_only=True):
    """A position as the rules see it."""

    side: Side
    """BUY for a long position, SELL for a short one."""
    entry_price: Decimal
    best: Decimal
    """The highest price since the entry for a long position, the lowest for a short one."""
    plan: ExitPlan
    protected: bool
    """Whether a stop rests at the broker for all of it."""


class Leave(Struct, frozen=True, kw_only=True):
    """The rule that says so, and why, in words with numbers."""

    rule: str
    sentence: str


def leave(held: Held, mark: Decimal | None, now: Instant, close: Instant | None) -> Leave | None:
    """The first rule that wants the position left, or None. Without a mark only the time can say so.

    `close` is the end of the session that trades now; None where the exchange is closed.
    """
    for name, rule in _PRICE_RULES:
        if mark is not None and (sentence := rule(held, mark)) is not None:
            return Leave(rule=name, sentence=sentence)
    until, before = held.plan.until, held.plan.before_close_seconds
    if until is not None and now >= until:
        return Leave(rule="time", sentence=f"the plan holds it until {rfc3339(until)}, and that has come")
    if before is not None and close is not None and now >= close - before * SECOND:
        sentence = f"the plan leaves it {before} s before the close, which is at {rfc3339(close)}"
        return Leave(rule="session", sentence=sentence)
    return None


def _trailing(held: Held, mark: Decimal) -> str | None:
    """Armed once the gain has been as large as the trail: gaps aside, it never leaves at a loss."""
    trail = held.plan.trail
    if trail is None or held.side.sign * (held.best - held.entry_price) < trail:
        return None
    given_back = held.side.sign * (held.best - mark)
    if given_back < trail:
        return None
    best = f"{held.best}, the best since the entry at {held.entry_price}"
    return f"{mark} is {given_back} from {best}; the trail is {trail}"


def _target(held: Held, mark: Decimal) -> str | None:
    target = held.plan.target
    if target is None or held.protected or held.side.sign * (mark - target) < 0:
        return None
    return f"{mark} has reached the target {target}, and no order rests there"


def _stop(held: Held, mark: Decimal) -> str | None:
    stop = held.plan.stop
    if stop is None or held.protected or held.side.sign * (stop - mark) < 0:
        return None
    return f"{mark} has reached the stop {stop}, and no order rests there"


_PRICE_RULES: tuple[tuple[str, Callable[[Held, Decimal], str | None]], ...] = (
    ("trailing", _trailing),
    ("target", _target),
    ("stop", _stop),
)
