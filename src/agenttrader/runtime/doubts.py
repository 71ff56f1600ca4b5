"""What the exits unit cannot judge is a break of the symbol, for as long as it says so.

It tells all of its doubts at once, so told twice they change nothing, and one that is told no more is over.
Each is told again and again: one that a person accepted stands again where the unit runs and still has it. A
symbol has one break of each kind; the sentence is that with which it began.
"""

from collections.abc import Iterable, Iterator

from agenttrader.model.breaks import Break, BreakKind, DoubtKind
from agenttrader.model.events import BreakFound, BreakSettled
from agenttrader.model.identifiers import Symbol
from agenttrader.runtime.inputs import DoubtsTold


def break_of_doubt(symbol: Symbol | None, about: DoubtKind, sentence: str) -> Break:
    """The break that such a doubt is; without a symbol, of everything."""
    return Break(kind=BreakKind.DOUBT, ours=about.value, theirs="in doubt", sentence=sentence, symbol=symbol)


def events_of_doubts(breaks: Iterable[Break], told: DoubtsTold) -> Iterator[BreakFound | BreakSettled]:
    """What changes where these `breaks` stand: those that are new, then those that are over."""
    standing = {_about(found): found for found in breaks if found.kind is BreakKind.DOUBT}
    doubted = {_about(found): found for found in told.doubts}
    yield from (BreakFound(found=found) for about, found in doubted.items() if about not in standing)
    for about, found in standing.items():
        if about not in doubted:
            yield BreakSettled(found=found, by=told.by, reason="it can be judged again, or is held no more")


def _about(found: Break) -> tuple[str | None, str]:
    return found.symbol, found.ours
