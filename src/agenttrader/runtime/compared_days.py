"""On how many days in a row the books agreed with the broker's, by the exchange's calendar.

A day is without mismatch when no run of it found a difference, and one that was made after its close agreed.
A run that failed says nothing: it makes no day clean, and takes none away. A session of the calendar on which
nothing was compared ends the row, as one that differed does.
"""

from msgspec import Struct

from agenttrader.model.events import DayOpened, Reconciled
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant

DAYS_KEPT = 64
"""How many sessions are remembered: three months."""


class ComparedDay(Struct, kw_only=True):
    """The runs of one trading day: from its open until the next one's."""

    close: Instant
    agreed: int = 0
    differed: int = 0
    failed: int = 0
    agreed_after_close: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether it is over, and without mismatch."""
        return self.agreed_after_close and not self.differed


class ComparedDays:
    """The last days, by their dates."""

    def __init__(self) -> None:
        self.by_date: dict[str, ComparedDay] = {}
        self._at_hand: str | None = None

    def begin(self, opened: DayOpened) -> None:
        """A trading day begins; runs are of it from now on."""
        self._at_hand = opened.session
        self.by_date.setdefault(opened.session, ComparedDay(close=opened.close))
        if len(self.by_date) > DAYS_KEPT:
            del self.by_date[min(self.by_date)]

    def note(self, run: Reconciled, time: Instant) -> None:
        """A run is on record, at `time`. One before the first day is known is of none."""
        day = None if self._at_hand is None else self.by_date[self._at_hand]
        if day is None:
            return
        if run.failure:
            day.failed += 1
        elif run.breaks:
            day.differed += 1
        else:
            day.agreed += 1
            day.agreed_after_close = day.agreed_after_close or time >= day.close

    def clean_in_a_row(self, calendar: Calendar, now: Instant) -> int:
        """How many sessions without mismatch there are, back from the last one that is over.

        One that differs ends the row at once. One that is over and was not compared since its close is not
        decided while no other has begun.
        """
        at_hand = None if self._at_hand is None else self.by_date[self._at_hand]
        if at_hand is not None and at_hand.differed:
            return 0
        count = 0
        for session in reversed([each for each in calendar.sessions if each.close <= now]):
            day = self.by_date.get(session.date)
            if day is not None and day.is_clean:
                count += 1
            elif session.date != self._at_hand:
                break
        return count
