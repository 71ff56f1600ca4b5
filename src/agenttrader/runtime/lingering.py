"""Inputs on their way: those that wait to be handled, and those whose records linger for company.

The broker's yes to an order needs no commit of its own: whoever waits for it is told, and a crash that lost
it would lose nothing, because the next start asks the broker again. So it lingers for what comes next.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from agenttrader.model.events import Accepted
from agenttrader.runtime.inputs import Input, Reported
from agenttrader.runtime.recorder import Step

LINGER_SECONDS = 0.005
"""How long the first that lingers does, whatever comes meanwhile."""


class Outcome(Struct, frozen=True):
    """What came of an input: `refusal` is a sentence, or empty where it was taken."""

    refusal: str


class Waiting(Struct):
    """An input, and who waits to hear that what came of it is on record."""

    received: Input
    answer: asyncio.Future[Outcome] | None


class Handled(Struct):
    """An input with what it brought about, which is not on disk yet."""

    waiting: Waiting
    step: Step


class Lingering:
    """What was handled and waits for company to be committed with, at most `most` of it."""

    until_seconds: float | None = None
    """When it is due, by the loop's clock; None where nothing lingers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[Handled] = []

    def take(self) -> list[Handled]:
        """All of it, to be committed now."""
        kept, self._kept, self.until_seconds = self._kept, [], None
        return kept

    def with_company(self, news: Sequence[Handled], now_seconds: float) -> list[Handled]:
        """What is to be committed now, with `news`; nothing where all of it may wait still."""
        lingers = bool(news) and all(map(_may_linger, news))
        self._kept += [each for each in news if each.step.records or not lingers]
        if lingers and self._kept:
            self.until_seconds = self.until_seconds or now_seconds + LINGER_SECONDS
            lingers = now_seconds < self.until_seconds and len(self._kept) < self._most
        return [] if lingers else self.take()


def _may_linger(handled: Handled) -> bool:
    """Whether nobody waits for its records to be on disk, and a crash that lost them would lose nothing."""
    step = handled.step
    is_all_told = isinstance(handled.waiting.received, Reported) and not (step.resync or step.sends)
    return is_all_told and all(isinstance(record.event, Accepted) for record in step.records)
