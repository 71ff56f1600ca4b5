"""Days without mismatch: by the calendar's sessions, and never by a run that failed."""

from decimal import Decimal

from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import DayOpened, Reconciled
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.compared_days import DAYS_KEPT, ComparedDays

HOUR = 60 * MINUTE
DAY = 24 * HOUR
NAMES = tuple(f"day-{number:03}" for number in range(DAYS_KEPT + 6))
"""Of the exchange's sessions, two calendar days apart: it trades every other day."""
CALENDAR = Calendar(
    name="TEST",
    start=Instant(0),
    end=Instant(400 * DAY),
    sessions=tuple(
        Session(date=name, open=Instant(2 * number * DAY + HOUR), close=Instant(2 * number * DAY + 8 * HOUR))
        for number, name in enumerate(NAMES)
    ),
)
DIFFERS = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="the cash differs")


def run(*breaks: Break, failure: str = "") -> Reconciled:
    return Reconciled(
        run="r", statement_time=None, orders=0, positions=0, executions=0, breaks=breaks, failure=failure
    )


class Row:
    """Days, as they are lived."""

    def __init__(self) -> None:
        self.days = ComparedDays()
        self.number = -1

    def begin(self, number: int) -> None:
        session = CALENDAR.sessions[number]
        self.number = number
        self.days.begin(
            DayOpened(session=session.date, open=session.open, close=session.close, equity=Decimal(0))
        )

    def told(self, hour: int, *breaks: Break, failure: str = "") -> int:
        """A run at that hour of the day; how many days in a row are without mismatch then."""
        self.days.note(run(*breaks, failure=failure), self.at(hour))
        return self.count(hour)

    def count(self, hour: int) -> int:
        return self.days.clean_in_a_row(CALENDAR, self.at(hour))

    def at(self, hour: int) -> Instant:
        return Instant(2 * self.number * DAY + hour * HOUR)

    def clean(self, *numbers: int) -> int:
        for number in numbers:
            self.begin(number)
            self.told(8)
        return self.count(9)


def test_days_are_the_exchanges_sessions() -> None:
    assert Row().clean(0, 1, 2) == 3


def test_a_day_counts_when_a_run_after_its_close_agreed_and_not_before() -> None:
    row = Row()
    assert row.clean(0) == 1
    row.begin(1)
    assert (row.told(2), row.told(7), row.count(8)) == (1, 1, 1)
    assert row.told(8) == 2


def test_a_difference_ends_the_row_at_once_and_one_that_is_gone_again_does_not_bring_it_back() -> None:
    row = Row()
    assert row.clean(0, 1) == 2
    row.begin(2)
    assert (row.told(3, DIFFERS), row.told(8)) == (0, 0)
    assert row.clean(3) == 1


def test_a_failed_run_makes_no_day_clean_and_takes_none_away() -> None:
    row = Row()
    row.clean(0)
    row.begin(1)
    assert (row.told(3, failure="no answer"), row.told(8, failure="no answer")) == (1, 1)
    assert row.told(9) == 2
    row.begin(2)
    row.told(8, failure="no answer")
    row.begin(3)
    assert row.count(2) == 0


def test_a_session_on_which_nothing_was_compared_ends_the_row() -> None:
    row = Row()
    assert row.clean(0, 1, 3) == 1


def test_before_the_first_day_nothing_counts() -> None:
    days = ComparedDays()
    days.note(run(), Instant(0))
    assert days.by_date == {}
    assert days.clean_in_a_row(CALENDAR, Instant(5 * DAY)) == 0


def test_the_same_day_after_a_restart_is_one_day() -> None:
    row = Row()
    row.begin(0)
    row.told(3, DIFFERS)
    row.begin(0)
    assert row.told(8) == 0


def test_only_so_many_days_are_kept() -> None:
    row = Row()
    assert row.clean(*range(len(NAMES))) == DAYS_KEPT
    assert len(row.days.by_date) == DAYS_KEPT
