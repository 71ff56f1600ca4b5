"""What kind of day a seed means: how long, how thin, how slow the venue, how rough, what else."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from msgspec import Struct

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen, Habits
from agenttrader.simulation.market import MINUTES_MIN
from agenttrader.testing.careless_world import CLOSES, DELTA, EARLY_MINUTES, calendar

PENDING_SECONDS = (0, 0, 0, 20, 70)
"""How long the venue keeps orders and cancels pending: a day has one of these."""
LIQUIDITIES = ((0, 1), (0, 1), (1, 40), (5, 100), (10, 1_000))
"""What one account may take of a bar's volume, in per cent (0: all it asks), and how many times thinner than
it was generated that volume is: a day has one of these pairs."""
SESSIONS = (1, 1, 1, 2, 3)
"""How many sessions are played, one after the other."""
ACTING = tuple(CLOSES)
"""Whose shares may pay a dividend over a night, or split."""
RATIOS = ((2, 1), (3, 1), (3, 2), (1, 2), (1, 4))
"""New shares for old ones."""
REVERSE_ONLY = frozenset({DELTA})
"""An agent has orders in it that live on. A reverse split cancels them; what another makes of them our book
does not follow."""


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of day. `minutes` are those of each session; `actions` lie in the nights between them."""

    minutes: tuple[int, ...]
    volume_percent: int
    thinner: int
    habits: Habits
    is_rough: bool
    """Whether the exchange busts, corrects and rejects."""
    coins: bool
    """Whether a pair of coins is listed."""
    actions: tuple[CorporateActionSeen, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What the day had that not every day has."""
        has = {
            "a thin market": self.volume_percent > 0,
            "pending orders": self.habits.pending_seconds > 0,
            "done for day": self.habits.done_for_day,
            "late fees": self.habits.late_fees,
            "mishaps": self.is_rough,
            "coins": self.coins,
            f"{len(self.minutes)} sessions": len(self.minutes) > 1,
        }
        acts = sorted({action.kind.value for action in self.actions})
        return (*(word for word, holds in has.items() if holds), *acts)


def kind_of(seed: int, minutes_max: int) -> Kind:
    """The kind that `seed` means: sessions of 60 minutes or more, `minutes_max` of them all at most."""
    chance = _chance(seed, "day")
    whole = chance.randint(MINUTES_MIN, minutes_max)
    volume_percent, thinner = chance.choice(LIQUIDITIES)
    pending_seconds, done_for_day = chance.choice(PENDING_SECONDS), chance.randrange(4) == 0
    is_rough = chance.randrange(3) == 0
    # What came later is drawn from a stream of its own: the days from before it are as they were.
    later = _chance(seed, "kind")
    sessions = later.choice(SESSIONS)
    minutes = (whole,) if sessions == 1 else _parts(later, sessions, minutes_max)
    coins = later.randrange(3) == 0
    habits = Habits(
        pending_seconds=pending_seconds, done_for_day=done_for_day, late_fees=later.randrange(4) == 0
    )
    return Kind(
        minutes=minutes,
        volume_percent=volume_percent,
        thinner=thinner,
        habits=habits,
        is_rough=is_rough,
        coins=coins,
        actions=tuple(_actions(later, minutes)),
    )


def _parts(chance: Random, sessions: int, minutes_max: int) -> tuple[int, ...]:
    """So many sessions; of short days each has the least that one can have."""
    longest = max(MINUTES_MIN, minutes_max // sessions)
    return tuple(chance.randint(MINUTES_MIN, longest) for _ in range(sessions))


def _actions(chance: Random, minutes: tuple[int, ...]) -> Iterator[CorporateActionSeen]:
    """Those of up to three companies for each night, from shortly before the first orders of the next day."""
    for session in calendar(minutes).sessions[1 : len(minutes)]:
        time = Instant(session.open - (EARLY_MINUTES + 1) * MINUTE)
        for symbol in chance.sample(ACTING, chance.randrange(4)):
            if chance.randrange(2):
                cash = Decimal(chance.randint(1, 150)) / 100
                kind = CorporateActionKind.CASH_DIVIDEND
                yield CorporateActionSeen(symbol=symbol, time=time, kind=kind, cash=cash)
            else:
                ratios = [(new, old) for new, old in RATIOS if new < old or symbol not in REVERSE_ONLY]
                kind, (new, old) = CorporateActionKind.SPLIT, map(Decimal, chance.choice(ratios))
                yield CorporateActionSeen(symbol=symbol, time=time, kind=kind, new_rate=new, old_rate=old)


def _chance(seed: int, whose: str) -> Random:
    return Random(f"{seed} {whose}")  # noqa: S311 - a day that fails must replay
