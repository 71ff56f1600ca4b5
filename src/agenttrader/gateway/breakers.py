"""When a breaker trips: pure rules over what has happened. No limit has a default.

A fraction is of the highest equity (0.05 is five in a hundred) and trips where it is reached; every other
limit is inclusive: the number itself is still permitted.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import NamedTuple

from msgspec import Struct

from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import MINUTE, SECOND, Duration, Instant
from agenttrader.model.values import exact

KEPT = 100
"""How much of what the broker did is remembered, of each kind: no limit may ask for more."""
_FRACTIONS = ("soft_fraction", "medium_fraction", "hard_fraction")
_REMEMBERED = ("rejects_max", "broker_latency_answers", "errors_max")


class BreakerLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each breaker of an account permits."""

    soft_fraction: Decimal
    """How far equity, open profit included, may fall from its highest before that is put on record."""
    medium_fraction: Decimal
    """From here on nothing may be opened."""
    hard_fraction: Decimal
    """From here on nothing of an agent's leaves."""
    flatten: bool
    """Whether all that is held is closed then, and all that would enter canceled."""
    day_loss_max: Decimal
    """How much the account may lose from the day's open on, open profit included, in its currency."""
    loss_streak_max: int
    """How many round trips in a row an agent may lose."""
    rejects_max: int
    """How many orders of an agent the broker may reject within `reject_minutes`."""
    reject_minutes: int
    broker_latency_seconds_max: int
    """How long the broker may take to answer an order, by the market's time."""
    broker_latency_answers: int
    """How many answers in a row have to be slower than that."""
    errors_max: int
    """How many orders without an answer, and comparisons that failed, there may be within `error_minutes`."""
    error_minutes: int
    breaking_comparisons_max: int
    """How many comparisons with the broker in a row may find a difference; one that fails is not counted."""
    stale_seconds_max: int
    """How long nothing may be heard of a share or a coin while its market trades, by the market's time."""
    feed_stale_seconds_max: int
    """How long nothing may be heard of any of them."""
    clock_seconds_max: int
    """How far our clock may go back, or lie from the broker's."""

    def __post_init__(self) -> None:
        ladder = [Decimal(0), *(exact(getattr(self, name), name) for name in _FRACTIONS), Decimal(1)]
        if any(lower >= higher for lower, higher in pairwise(ladder)):
            found = ", ".join(str(each) for each in ladder[1:-1])
            raise BadValue(
                "soft_fraction, medium_fraction, hard_fraction: expected fractions above 0 and below 1, each "
                f"larger than the one before, such as 0.02, 0.04, 0.06; found {found}"
            )
        if exact(self.day_loss_max, "day_loss_max") <= 0:
            raise BadValue(f"day_loss_max: expected an amount above 0, found {self.day_loss_max}")
        for name in self.__struct_fields__:
            value = getattr(self, name)
            most = KEPT - 1 if name in _REMEMBERED else None
            if type(value) is int and (value < 1 or (most is not None and value > most)):
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


def by_daily_loss(limits: BreakerLimits, loss: Decimal | None) -> Tripped | None:
    """An account that has lost too much today opens nothing more."""
    if loss is None or loss <= limits.day_loss_max:
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"{loss:.2f} lost since the day's open; day_loss_max is {limits.day_loss_max}",
    )


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
    if not _are_too_many(times, limits.rejects_max, limits.reject_minutes):
        return None
    return Tripped(
        TradingState.HALTED,
        f"the broker rejected {limits.rejects_max + 1} orders within {limits.reject_minutes} minutes; "
        f"rejects_max is {limits.rejects_max}",
    )


def slow_in_a_row(limits: BreakerLimits, answers: Sequence[int | None]) -> int:
    """How many of the last `answers` in a row took too long, or never came; no more than are asked for."""
    longest = limits.broker_latency_seconds_max * SECOND
    last = answers[-limits.broker_latency_answers :]
    return len(list(takewhile(lambda each: each is None or each > longest, reversed(last))))


def within(times: Sequence[Instant], minutes: int, now: Instant) -> int:
    """How many of `times` lie less than so many minutes before `now`."""
    return sum(now - each < minutes * MINUTE for each in times)


def by_errors(limits: BreakerLimits, times: Sequence[Instant]) -> Tripped | None:
    """While the broker fails again and again nothing is opened. `times`, oldest first."""
    if not _are_too_many(times, limits.errors_max, limits.error_minutes):
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"the broker failed {limits.errors_max + 1} times within {limits.error_minutes} minutes to answer an "
        f"order or to be compared with; errors_max is {limits.errors_max}",
    )


def by_comparisons(limits: BreakerLimits, breaking: int) -> Tripped | None:
    """While the books differ each time that they are compared nothing is opened."""
    if breaking <= limits.breaking_comparisons_max:
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"{breaking} comparisons in a row found a difference; breaking_comparisons_max is "
        f"{limits.breaking_comparisons_max}",
    )


def by_silence(limits: BreakerLimits, symbol: Symbol, silent: Duration) -> Tripped | None:
    """Of a symbol of which nothing is heard while its market trades nothing is opened."""
    return _silence("stale_seconds_max", limits.stale_seconds_max, symbol, silent)


def by_feed(limits: BreakerLimits, silent: Duration) -> Tripped | None:
    """While nothing at all is heard of the market nothing is opened."""
    return _silence("feed_stale_seconds_max", limits.feed_stale_seconds_max, "any symbol", silent)


def by_clock(limits: BreakerLimits, went_back: Duration, ahead_of_broker: Duration | None) -> Tripped | None:
    """While nobody knows what time it is nothing is opened. `ahead_of_broker`: below 0, behind it."""
    most = limits.clock_seconds_max
    if went_back > most * SECOND:
        what = f"our clock went back by {went_back / SECOND:.3f} s"
    elif ahead_of_broker is not None and abs(ahead_of_broker) > most * SECOND:
        way = "ahead of" if ahead_of_broker > 0 else "behind"
        what = f"our clock lies {abs(ahead_of_broker) / SECOND:.3f} s {way} the broker's"
    else:
        return None
    return Tripped(TradingState.REDUCE_ONLY, f"{what}; clock_seconds_max is {most}")


def _silence(name: str, most: int, what: str, silent: Duration) -> Tripped | None:
    if silent <= most * SECOND:
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"nothing was heard of {what} for {silent // SECOND} s while it trades; {name} is {most}",
    )


def _are_too_many(times: Sequence[Instant], most: int, minutes: int) -> bool:
    """Whether more than `most` of the `times`, the last among them, lie within so many minutes."""
    return len(times) > most and times[-1] - times[-1 - most] < minutes * MINUTE


def by_latency(limits: BreakerLimits, answers: Sequence[int | None]) -> Tripped | None:
    """While the broker is slow nothing is opened.

    `answers` are nanoseconds, oldest first; None is one that never came.
    """
    several = limits.broker_latency_answers
    if slow_in_a_row(limits, answers) < several:
        return None
    return Tripped(
        TradingState.REDUCE_ONLY,
        f"the broker's last {several} answers to orders took longer than broker_latency_seconds_max, "
        f"{limits.broker_latency_seconds_max}",
    )
