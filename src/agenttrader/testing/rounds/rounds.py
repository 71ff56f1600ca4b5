"""One round: load, a kill, another start on the same disk, and the judgement. The seed says which kill."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec import Struct

from agenttrader.model.words import Word
from agenttrader.testing.rounds.day import RoundsDay
from agenttrader.testing.rounds.judge import hit, wrong_at_death
from agenttrader.testing.rounds.load import Load
from agenttrader.testing.rounds.phases import Fate, Phase
from agenttrader.testing.rounds.settling import settled

FATE_SECONDS_MAX = 8.0
"""How long a gateway is waited for that is to die at a phase; then it is killed as it stands."""
DRAIN_SECONDS = 0.05
"""How long clients take to read what was answered before the kill."""
LATE_MILLISECONDS = 5_000
"""How long a request lies at the venue that is to arrive after the next start."""
ORDERS = ["POST /v2/orders"]


class Kind(Word):
    """What a round does."""

    AT = "the gateway, as an order comes to a phase"
    AFTER = "the gateway, a moment after"
    ANSWER_HELD = "the gateway, while the venue holds its answers"
    REQUEST_HELD = "the gateway, while the venue holds requests"
    REQUEST_LATE = "the gateway, and its requests arrive after the next start"
    ANY_TIME = "the gateway, at any time"
    VENUE = "the venue, at any time"
    STRATEGY = "the strategy, at any time"
    BOTH = "gateway and venue, while answers are held"


PLACES = (
    Phase.BEFORE_DECISION,
    Phase.DECIDED,
    Phase.COMMITTED,
    Phase.SENDING,
    Phase.ANSWERED,
    Phase.RECORDED,
)
"""Where the process can tell that it stands; `SENT` is what the venue says."""
DECK: tuple[tuple[Kind, Phase | None], ...] = (
    *((Kind.AT, phase) for phase in PLACES),
    *((Kind.AFTER, phase) for phase in (Phase.DECIDED, Phase.COMMITTED, Phase.SENDING)),
    *((Kind.ANSWER_HELD, None),) * 4,
    *((Kind.REQUEST_HELD, None), (Kind.REQUEST_LATE, None), (Kind.ANY_TIME, None)),
    (Kind.STRATEGY, None),
    *((Kind.VENUE, None), (Kind.BOTH, None), (Kind.REQUEST_HELD, None)),
)
"""Twenty rounds, in an order that the seed shuffles."""


_HELD = {Kind.ANSWER_HELD, Kind.REQUEST_HELD, Kind.REQUEST_LATE, Kind.BOTH}
_KILLED = {Kind.VENUE: ("venue",), Kind.STRATEGY: ("strategy",), Kind.BOTH: ("venue", "gateway")}
"""What is killed where that is not the gateway alone, in the order in which it starts again."""


class Plan(Struct, frozen=True, kw_only=True):
    """What one round does."""

    number: int
    kind: Kind
    fate: Fate | None
    """For those that die at a phase."""
    wait_seconds: float
    """For the others: of load, before the kill."""
    held_milliseconds: int

    def failed(self, finding: str) -> "Told":
        """What is told of a round that did not come to its end."""
        return self.told(seconds=0, down_seconds=0, intents=0, hits={}, accepted=0, findings=(finding,))

    def told(self, **came: Any) -> "Told":
        """The round with what came of it."""
        phase = None if self.fate is None else self.fate.phase.value
        return Told(number=self.number, kind=self.kind.value, phase=phase, **came)


class Told(Struct, frozen=True, kw_only=True):
    """What came of a round."""

    number: int
    kind: str
    phase: str | None
    """At which it was to die."""
    seconds: float
    down_seconds: float
    """From the kill until the book was compared again."""
    intents: int
    hits: dict[str, int]
    """Orders under way by the phase in which the kill found them."""
    accepted: int
    """Orders that never arrived, by a person's word."""
    findings: tuple[str, ...]


def plan_of(seed: int, number: int) -> Plan:
    """The round of that number, from 0."""
    deck = list(DECK)
    Random(f"{seed} deck {number // len(DECK)}").shuffle(deck)  # noqa: S311 - the same seed, the same kills
    kind, phase = deck[number % len(DECK)]
    chance = Random(f"{seed} round {number}")  # noqa: S311
    pause = chance.randint(100, 3_000) if kind is Kind.AFTER else 0
    return Plan(
        number=number,
        kind=kind,
        fate=None
        if phase is None
        else Fate(phase=phase, nth=chance.randint(1, 20), pause_microseconds=pause),
        # While an answer is held, the next order leaves only after half a second.
        wait_seconds=chance.uniform(0.5, 1.1) if kind in _HELD else chance.uniform(0.1, 0.8),
        held_milliseconds=LATE_MILLISECONDS if kind is Kind.REQUEST_LATE else chance.randint(1_200, 1_600),
    )


async def play(day: RoundsDay, plan: Plan, seed: int) -> Told:
    """Play the round on the day, which has a window open, and leave it so, flat."""
    chance = Random(f"{seed} load {plan.number}")  # noqa: S311
    began = asyncio.get_running_loop().time()
    await day.plan(*_faults(plan))
    load = Load(day, chance, await day.prices())
    accepted, down = 0, 0.0
    try:
        killed = await _strike(day, plan, load, chance.uniform(0.02, 0.3))
        struck = asyncio.get_running_loop().time()
        await asyncio.sleep(DRAIN_SECONDS)
        marked, last = day.look()
        findings = [*day.ended_by_themselves(killed), *wrong_at_death(day.books, marked)]
        hits = Counter(
            found.value for each in load.intents if (found := hit(day.books, marked, last, each)) is not None
        )
        if "venue" not in killed:
            await day.heal()
        if not findings:  # What a start would make of such a disk says nothing more.
            await day.back(*killed)
            down = asyncio.get_running_loop().time() - struck
            await asyncio.sleep(_still_held_seconds(plan, down))
            accepted, findings = await settled(day, load)
    finally:
        load.cancel()
    return plan.told(
        seconds=round(asyncio.get_running_loop().time() - began, 2),
        down_seconds=round(down, 2),
        intents=len(load.intents),
        hits=dict(hits),
        accepted=accepted,
        findings=tuple(findings),
    )


def _faults(plan: Plan) -> Iterator[dict[str, Any]]:
    held = {"fault": "latency", "only": ORDERS, "milliseconds": plan.held_milliseconds}
    match plan.kind:
        case Kind.ANSWER_HELD | Kind.BOTH:
            yield held | {"when": "after"}
            # The stream would tell what the answer does not.
            yield {"fault": "late_message", "milliseconds": plan.held_milliseconds}
        case Kind.REQUEST_HELD | Kind.REQUEST_LATE:
            yield held | {"when": "before"}
        case _:
            pass


async def _strike(day: RoundsDay, plan: Plan, load: Load, bar_after_seconds: float) -> tuple[str, ...]:
    """Kill what is to be killed under the load; what that was."""
    if plan.fate is not None:
        day.doom(plan.fate)
    bar = asyncio.create_task(_let_a_bar_go(day, bar_after_seconds))
    if plan.fate is None:
        await asyncio.sleep(plan.wait_seconds)
    else:
        await day.dead("gateway", FATE_SECONDS_MAX)
    killed = _KILLED.get(plan.kind, ("gateway",))
    for role in reversed(killed):
        day.kill(role)
    load.stopped.set()
    await bar
    return killed


async def _let_a_bar_go(day: RoundsDay, after_seconds: float) -> None:
    """So that some orders fill while others are on their way."""
    await asyncio.sleep(after_seconds)
    assert day.market is not None
    await day.feed.settled(day.market)


def _still_held_seconds(plan: Plan, down_seconds: float) -> float:
    """How long until nothing lies at the venue any more."""
    held = plan.kind in {Kind.REQUEST_HELD, Kind.REQUEST_LATE}
    return max(0.0, plan.held_milliseconds / 1_000 - down_seconds) if held else 0.0
