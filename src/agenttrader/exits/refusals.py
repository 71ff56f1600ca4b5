"""What the gateway refuses to take of the exits unit: asked again ever later, and doubted when nothing helps.

A denial is an order with an end, and `duties` counts it. What is refused becomes no order at all: it would be
wanted again at once, under the same name, for ever.
"""

from collections.abc import Collection, Iterator

from msgspec import Struct

from agenttrader.exits.acts import DOUBTED_AFTER, Doubt
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import SECOND, Instant


class _Refused(Struct, frozen=True):
    symbol: Symbol
    sentence: str
    times: int
    """In a row, in the same words."""
    last: Instant


class Refusals:
    """By the name of what was refused: a proposal's, or the id of an order that should end."""

    def __init__(self, retry_seconds_max: int) -> None:
        self._retry_seconds_max = retry_seconds_max
        self._refused: dict[str, _Refused] = {}

    def note(self, name: str, symbol: Symbol, sentence: str, now: Instant) -> None:
        """Take that `name` was refused."""
        before = self._refused.get(name)
        times = before.times + 1 if before is not None and before.sentence == sentence else 1
        self._refused[name] = _Refused(symbol, sentence, times, now)

    def keep(self, wanted: Collection[str]) -> None:
        """Forget what is wanted no more, as whatever was taken after all."""
        self._refused = {name: each for name, each in self._refused.items() if name in wanted}

    def may_ask(self, name: str, now: Instant) -> bool:
        """Whether it is time: once more at once, then after a second, two, four, up to a longest wait."""
        refused = self._refused.get(name)
        if refused is None or refused.times == 1:
            return True
        wait_seconds: int = min(2 ** (refused.times - 2), self._retry_seconds_max)
        return now - refused.last >= wait_seconds * SECOND

    def doubts(self) -> Iterator[Doubt]:
        """What was refused so often that a person must look."""
        for refused in self._refused.values():
            if refused.times >= DOUBTED_AFTER:
                sentence = f"refused {refused.times} times: {refused.sentence}"
                yield Doubt(symbol=refused.symbol, about=DoubtKind.ORDER, sentence=sentence)
