"""What happens in the world of a seed: its days, its market, and everything that goes wrong, as a list.

The list is made before anything is played, and nothing in it depends on what is played, so that a world with
a part of it taken away is a world, too; so a failure is cut down to what it needs.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import get_args

from msgspec import Struct, structs

from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen, Habits
from agenttrader.testing.builders import CHARLY
from agenttrader.testing.worlds.faults import (
    Acts,
    DiskFails,
    DiskFault,
    FeedFails,
    ForgedStatement,
    GatewayDies,
    GatewayStops,
    Halt,
    Halts,
    HandTrades,
    Happening,
    Imposter,
    Kills,
    Lane,
    Mishap,
    MishapHappens,
    RequestFails,
    RequestFault,
    SecondGateway,
    StreamFails,
    StreamFault,
    SwitchMoves,
    VenueDies,
    What,
)
from agenttrader.testing.worlds.stage import CLOSES, OPENS, OWNERS

BAR_SECONDS = 1.5
"""How long a minute of the market takes."""
CALM_BARS = 6
"""How many of the last bars nothing goes wrong in, so that everything can be put right."""
_SLOW_ORDERS = 12
"""How many of the next orders are answered late, at a moment that a person halts: each waits for the last."""
_BUSY_LANES: tuple[Lane, ...] = ("order", "order", "order", "cancel", "replace", "question")
_WHATS: tuple[What, ...] = (
    *("enter", "enter", "enter", "enter", "enter", "enter", "enter", "enter", "enter", "enter", "enter"),
    *("leave", "close", "close", "cancel", "cancel", "replace", "replace", "retry", "retry", "flood"),
)
_FAMILIES = (
    *("requests", "requests", "stream", "feed", "disk", "crash", "crash", "venue", "person", "person"),
    *("mishap", "hand", "forged", "switch", "switch", "second", "kill"),
)
"""What goes wrong in a world is of a few families, so that each is met by itself and with others."""


class Script(Struct, frozen=True, kw_only=True):
    """One world. `minutes` are those of its two sessions; the second may have none."""

    seed: int
    minutes: tuple[int, int]
    volume_percent: int
    habits: Habits
    drift: dict[str, int]
    """By how many thousandths each symbol goes a minute, on average."""
    actions: tuple[CorporateActionSeen, ...]
    happenings: tuple[Happening, ...]

    @property
    def bars(self) -> int:
        """How many are played."""
        return sum(self.minutes)

    @property
    def has_faults(self) -> bool:
        """Whether anything goes wrong; agents alone are no fault."""
        return bool(self.actions) or any(not isinstance(each, Acts) for each in self.happenings)


def script_of(seed: int) -> Script:
    """The world that `seed` means."""
    chance = Random(seed)  # noqa: S311 - a world that fails must be the same again
    minutes = chance.choice(((18, 0), (24, 0), (30, 0), (12, 14)))
    sure = chance.randrange(12) > 0
    actions = tuple(_overnight(chance)) if minutes[1] and sure else ()
    seconds = (sum(minutes) - CALM_BARS) * BAR_SECONDS
    acts = [_act(chance, seconds) for _ in range(chance.randint(16, 44))]
    faults: list[Happening] = []
    if sure:
        families = chance.sample(_FAMILIES, chance.randint(1, 4))
        faults = [
            _near(chance, acts, _fault(chance, chance.choice(families), seconds))
            for _ in range(chance.randint(2, 9))
        ]
        if chance.randrange(3) == 0:
            faults += _moment(chance, chance.choice(acts))
    return Script(
        seed=seed,
        minutes=minutes,
        volume_percent=chance.choice((0, 0, 10)) if sure else 0,
        habits=Habits(pending_seconds=chance.choice((0, 0, 70)) if sure else 0),
        drift={symbol: chance.choice((0, 0, 0, -6, 6)) for symbol in CLOSES},
        actions=actions,
        happenings=tuple(sorted([*acts, *faults], key=lambda each: each.at_seconds)),
    )


def _at_seconds(chance: Random, seconds: float) -> float:
    return chance.randint(0, int(seconds * 1_000)) / 1_000


def _act(chance: Random, seconds: float) -> Acts:
    symbol = chance.choice(tuple(CLOSES))
    return Acts(
        at_seconds=_at_seconds(chance, seconds),
        what=chance.choice(_WHATS),
        agent=OWNERS[symbol],
        symbol=symbol,
        buys=chance.randrange(3) > 0,
        quantity=chance.choice((10, 20, 20, 40, 60, 100, 130)),
        kind=chance.choice(("market", "limit", "limit", "stop")),
        offset=chance.choice((-12, -4, -1, 0, 2, 6, 15)),
        pick=chance.randrange(1_000),
    )


def _near(chance: Random, acts: list[Acts], fault: Happening) -> Happening:
    """Most of what goes wrong goes wrong at the worst time: while an agent's order is under way."""
    if chance.randrange(3) == 0:
        return fault
    at_seconds = chance.choice(acts).at_seconds + chance.choice((-0.05, 0.001, 0.004, 0.01, 0.03, 0.3, 0.8))
    return structs.replace(fault, at_seconds=max(0.0, at_seconds))


def _moment(chance: Random, act: Acts) -> Iterator[Happening]:
    """An agent runs wild where its orders have to wait, and a person stops it before they have left."""
    at_seconds = act.at_seconds
    if chance.randrange(2):
        yield DiskFails(at_seconds=max(0.0, at_seconds - 0.1), how="slow", writes=0, seconds=1.6)
        yield SwitchMoves(at_seconds=at_seconds + 0.3, content=chance.choice(("1", "missing", "garbage")))
    else:
        slow = max(0.0, at_seconds - 0.1)
        yield RequestFails(at_seconds=slow, lane="order", how="late_answer", count=_SLOW_ORDERS, seconds=0.9)
        halt: Halt = chance.choice(("halt_all", "freeze_all", "close_window"))
        yield Halts(at_seconds=at_seconds + 0.2, how=halt)
    flood = structs.replace(act, what="flood", kind="limit", quantity=10)
    yield flood
    yield structs.replace(flood, at_seconds=at_seconds + 0.001, symbol=CHARLY, agent=OWNERS[CHARLY])


def _fault(  # noqa: C901, PLR0911, PLR0912 - one arm for each family
    chance: Random, family: str, seconds: float
) -> Happening:
    at_seconds = _at_seconds(chance, seconds)
    symbol = chance.choice((*CLOSES, *[None] * 3))
    match family:
        case "requests":
            return RequestFails(
                at_seconds=at_seconds,
                lane=chance.choice(_BUSY_LANES),
                how=chance.choice(get_args(RequestFault)),
                count=chance.choice((1, 1, 2, 5)),
                seconds=chance.choice((0.05, 0.3, 0.9, 1.5, 4.0)),
            )
        case "stream":
            how = chance.choice(get_args(StreamFault))
            return StreamFails(at_seconds=at_seconds, how=how, seconds=chance.choice((0.5, 3.0, 10.0)))
        case "feed":
            return FeedFails(
                at_seconds=at_seconds,
                how=chance.choice(("down", "silent", "frozen", "spike", "late", "again")),
                seconds=chance.choice((1.0, 4.0, 9.0)),
                symbol=symbol,
                factor=chance.choice((Decimal("0.1"), Decimal("0.9"), Decimal("1.1"), Decimal(3))),
            )
        case "disk":
            failing: DiskFault = chance.choice(get_args(DiskFault))
            return DiskFails(
                at_seconds=at_seconds,
                how=failing,
                writes=chance.randint(1, 8),
                seconds=chance.choice((0.5, 3.0)),
            )
        case "crash":
            if chance.randrange(2):
                ends = chance.choice((GatewayDies, GatewayDies, GatewayStops))
                return ends(at_seconds=at_seconds, seconds=chance.choice((0.2, 2.0, 6.0)))
            cut: DiskFault = chance.choice(("cut_before", "cut_after"))
            return DiskFails(
                at_seconds=at_seconds, how=cut, writes=chance.randint(1, 4), seconds=chance.choice((0.2, 3.0))
            )
        case "venue":
            if chance.randrange(3):
                return VenueDies(at_seconds=at_seconds, seconds=chance.choice((0.3, 2.0, 8.0)))
            return Imposter(at_seconds=at_seconds, seconds=chance.choice((1.0, 4.0)))
        case "person":
            return Halts(at_seconds=at_seconds, how=chance.choice(get_args(Halt)))
        case "switch":
            return SwitchMoves(
                at_seconds=at_seconds, content=chance.choice(("1", "1", "0", "missing", "garbage"))
            )
        case "mishap":
            mishap: Mishap = chance.choice(get_args(Mishap))
            return MishapHappens(at_seconds=at_seconds, how=mishap, pick=chance.randrange(1_000))
        case "hand":
            traded = chance.choice(tuple(CLOSES))
            return HandTrades(at_seconds=at_seconds, symbol=traded, quantity=chance.choice((-30, -5, 5, 30)))
        case "forged":
            return ForgedStatement(
                at_seconds=at_seconds, how=chance.choice(("another_key", "used", "another_account"))
            )
        case "second":
            return SecondGateway(at_seconds=at_seconds)
        case _:
            return Kills(at_seconds=at_seconds)


def _overnight(chance: Random) -> list[CorporateActionSeen]:
    """What companies do to their shares before the second open."""
    time = Instant(OPENS[1] - 3 * MINUTE)
    found = []
    for symbol in chance.sample(tuple(CLOSES), chance.randrange(3)):
        if chance.randrange(2):
            cash = Decimal(chance.randint(1, 100)) / 100
            kind = CorporateActionKind.CASH_DIVIDEND
            found.append(CorporateActionSeen(symbol=symbol, time=time, kind=kind, cash=cash))
        else:
            new, old = chance.choice(((2, 1), (3, 2), (1, 2)))
            found.append(
                CorporateActionSeen(
                    symbol=Symbol(symbol),
                    time=time,
                    kind=CorporateActionKind.SPLIT,
                    new_rate=Decimal(new),
                    old_rate=Decimal(old),
                )
            )
    return found
