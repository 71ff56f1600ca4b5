"""When a breaker trips: pure rules over what has happened. No limit has a default.

A fraction is of the highest equity (0.05 is five in a hundred) and trips where it is reached; every other
limit is inclusive: the number itself is still permitted.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.model.values import exact

KEPT = 100
"""How many rejections of an agent, and answers of the broker, are remembered: no limit may ask for more."""


class BreakerLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each breaker of an account permits."""

    soft_fraction: Decimal
    """How far equity, open profit included, may fall from its highest before that is put on record."""
    medium_fraction: Decimal
    """From here on nothing may be opened."""
    hard_fraction: Decimal
    """From here on nothing of an agent's leaves."""
    loss_streak_max: int
    """How many round trips in a row an agent may lose."""
    rejects_max: int
    """How many orders of an agent the broker may reject within `reject_minutes`."""
    reject_minutes: int
    broker_latency_seconds_max: int
    """How long the broker may take to answer an order, by the market's time."""
    broker_latency_answers: int
    """How many answers in a row have to be slower than that."""

    def __post_init__(self) -> None:
        fractions = ("soft_fraction", "medium_fraction", "hard_fraction")
        ladder = [Decimal(0), *(exact(getattr(self, name), name) for name in fractions), Decimal(1)]
        if any(lower >= higher for lower, higher in pairwise(ladder)):
            found = ", ".join(str(each) for each in ladder[1:-1])
            raise BadValue(
                "soft_fraction, medium_fraction, hard_fraction: expected fractions above 0 and below 1, each "
                f"larger than the one before, such as 0.02, 0.04, 0.06; found {found}"
            )
        for name in self.__struct_fields__[len(fractions) :]:
            most = KEPT - 1 if name in ("rejects_max", "broker_latency_answers") else None
            value = getattr(self, name)
            if value < 1 or (most is not None and value > most):
                expected = "a whole number above 0" if most is None else f"1 to {most}"
                raise BadValue(f"{name}: expected {expected}, found {value}")


class Tripped(NamedTuple):
    """What a breaker asks for; ACTIVE asks for nothing but a record."""

    state: TradingState
    reason: str


def by_drawdown(limits: BreakerLimits, drawdown: Decimal | None) -> Tripped | None:
    """The highest step of the ladder that the drawdown has reached."""
    if drawdown is None:
        return None
    for state, name in (
        (TradingState.HALTED, "hard_fraction"),
        (TradingState.REDUCE_ONLY, "medium_fraction"),
        (TradingState.ACTIVE, "soft_fraction"),
    ):
        fraction = getattr(limits, name)
        if drawdown >= fraction:
            shown = f"{drawdown * 100:.2f} %"
            return Tripped(state, f"equity lies {shown} below its highest; {name} is {fraction}")
    return None


def by_losses(limits: BreakerLimits, losses: int) -> Tripped | None:
    """An agent that has lost too often in a row opens nothing more."""
    if losses <= limits.loss_streak_max:
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"{losses} round trips in a row lost; loss_streak_max is {limits.loss_streak_max}",
    )


def by_rejections(limits: BreakerLimits, times: Sequence[Instant]) -> Tripped | None:
    """An agent whose orders the broker rejects again and again sends nothing more. `times`, oldest first."""
    most, span = limits.rejects_max, limits.reject_minutes * MINUTE
    if len(times) <= most or times[-1] - times[-1 - most] >= span:
        return None
    return Tripped(
        TradingState.HALTED,
        f"the broker rejected {most + 1} orders within {limits.reject_minutes} minutes; "
        f"rejects_max is {most}",
    )


def by_latency(limits: BreakerLimits, answers: Sequence[int | None]) -> Tripped | None:
    """While the broker is slow nothing is opened.

    `answers` are nanoseconds, oldest first; None is one that never came.
    """
    several, longest = limits.broker_latency_answers, limits.broker_latency_seconds_max * SECOND
    last = answers[-several:]
    if len(last) < several or any(each is not None and each <= longest for each in last):
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"the broker's last {several} answers to orders took longer than broker_latency_seconds_max, "
        f"{limits.broker_latency_seconds_max}",
    )
