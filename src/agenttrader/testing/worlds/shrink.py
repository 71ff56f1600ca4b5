"""The shortest history that still fails: parts of a world are taken away (delta debugging).

A failure is the same one if the sentence of it is, names and numbers apart.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, structs

from agenttrader.simulation.inputs import Habits
from agenttrader.testing.worlds.faults import Happening
from agenttrader.testing.worlds.script import Script
from agenttrader.testing.worlds.world import Outcome

WORLDS_MAX = 250
"""How many worlds are played for it at the most."""
_NAMES = re.compile(r"[A-Z]{4,6}\b|at-[0-9]+-[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|-?[0-9][0-9.]*")


class Shortest(Struct, frozen=True, kw_only=True):
    """What is left, what it finds, and how many worlds were played for it."""

    script: Script
    outcome: Outcome
    worlds: int


def shape_of(finding: str) -> str:
    """The sentence without what is only of this world."""
    return _NAMES.sub("…", finding)


def shortest(script: Script, outcome: Outcome, play: Callable[[Script], Outcome]) -> Shortest:
    """The script with as little in it as still fails as `outcome`, which is what it came to, does."""
    search = _Search(
        {shape_of(each) for each in outcome.findings},
        play,
        Shortest(script=script, outcome=outcome, worlds=0),
    )
    for simpler in (
        structs.replace(script, actions=()),
        structs.replace(script, habits=Habits(), volume_percent=0),
        structs.replace(script, drift=dict.fromkeys(script.drift, 0)),
    ):
        search.try_like(simpler)
    search.cut_down()
    return search.best


class _Search:
    """What is the best so far. `shapes` are those of the failure that is looked for."""

    def __init__(self, shapes: set[str], play: Callable[[Script], Outcome], best: Shortest) -> None:
        self._shapes, self._play, self.best = shapes, play, best

    def try_like(self, simpler: Script) -> None:
        """Take the simplification over if it fails, with what happens by now."""
        self._fails(structs.replace(simpler, happenings=self.best.script.happenings))

    def cut_down(self) -> None:
        """Take ever smaller parts away, until no single one can go."""
        parts = 2
        while self.best.worlds < WORLDS_MAX:
            happenings = self.best.script.happenings
            size = max(1, len(happenings) // parts)
            if any(self._fails(self._with(rest)) for rest in _without_each(happenings, size)):
                continue
            if size == 1:
                return
            parts *= 2

    def _with(self, happenings: Iterable[Happening]) -> Script:
        return structs.replace(self.best.script, happenings=tuple(happenings))

    def _fails(self, script: Script) -> bool:
        if self.best.worlds >= WORLDS_MAX or script == self.best.script:
            return False
        outcome, worlds = self._play(script), self.best.worlds + 1
        if self._shapes & {shape_of(each) for each in outcome.findings}:
            self.best = Shortest(script=script, outcome=outcome, worlds=worlds)
            return True
        self.best = structs.replace(self.best, worlds=worlds)
        return False


def _without_each(happenings: tuple[Happening, ...], size: int) -> Iterator[tuple[Happening, ...]]:
    """All of them but one part of that size, for each such part."""
    for start in range(0, len(happenings), size):
        yield happenings[:start] + happenings[start + size :]
