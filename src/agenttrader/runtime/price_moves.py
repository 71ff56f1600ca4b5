"""How far each symbol's price has moved of late: the lowest and the highest mark of a time.

What was not seen does not count: after a start, and after a split, it begins anew.
"""

from collections import deque
from decimal import Decimal

from agenttrader.gateway.limits import PRICE_MOVE_SECONDS_MAX
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Mark
from agenttrader.model.times import SECOND, Instant

_Marks = deque[Mark]


class PriceMoves:
    """The marks of each symbol, of which only those are kept that can still be the lowest or highest."""

    def __init__(self) -> None:
        self._lows: dict[Symbol, _Marks] = {}
        self._highs: dict[Symbol, _Marks] = {}

    def see(self, symbol: Symbol, mark: Mark) -> None:
        """Take the symbol's newest mark."""
        lows, highs = self._lows.setdefault(symbol, deque()), self._highs.setdefault(symbol, deque())
        while lows and lows[-1].price >= mark.price:
            lows.pop()
        while highs and highs[-1].price <= mark.price:
            highs.pop()
        lows.append(mark)
        highs.append(mark)
        for marks in (lows, highs):
            _let_go(marks, Instant(mark.time - PRICE_MOVE_SECONDS_MAX * SECOND))

    def forget(self, symbol: Symbol) -> None:
        """Drop what was seen: it was the price of another share."""
        self._lows.pop(symbol, None)
        self._highs.pop(symbol, None)

    def range_of(self, symbol: Symbol, seconds: int, now: Instant) -> tuple[Decimal, Decimal] | None:
        """The lowest and highest mark of the `seconds` before `now`; None where none was seen.

        The newest counts however old it is: it is what the price is until another is seen. Marks from before
        are let go: who asks for a longer time afterwards has it from then on.
        """
        lows, highs = self._lows.get(symbol), self._highs.get(symbol)
        if not lows or not highs:
            return None
        since = Instant(now - seconds * SECOND)
        _let_go(lows, since)
        _let_go(highs, since)
        return lows[0].price, highs[0].price


def _let_go(marks: _Marks, since: Instant) -> None:
    while len(marks) > 1 and marks[0].time < since:
        marks.popleft()
