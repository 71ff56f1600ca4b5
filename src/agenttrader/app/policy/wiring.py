"""Where the decisions of a run come from: its journal, read beside whoever writes it, and its calendar."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

from msgspec import Struct

from agenttrader.adapters.calendars import read_calendar
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_reader import Span, read_records, span_of
from agenttrader.app.config import Configuration
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.events import Event
from agenttrader.model.records import Sealed
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant, to_datetime

CALENDAR_DAYS = 30
"""How far before and after the journal the sessions are read, as the gateway reads them around its day."""


class Source(Struct, frozen=True, kw_only=True):
    """A run's journal as far as it was written when it was looked at, and the sessions around it."""

    journal: Path
    records: int
    first: Instant
    last: Instant
    calendar: Calendar
    read: Callable[[], Iterator[Sealed[Event]]]
    """Every record so far, each verified against the one before it."""


def source_of(configuration: Configuration) -> Source:
    """What the configuration's run has recorded. Raises ConfigurationError where there is nothing."""
    journal = journal_path(configuration.path(configuration.store.directory), configuration.account.name)
    span = span_of(journal) if journal.is_file() else None
    if span is None:
        raise ConfigurationError(
            f"{journal}: expected a journal, found none: nothing was decided yet. Start the run first"
        )
    return Source(
        journal=journal,
        records=span.records,
        first=span.first,
        last=span.last,
        calendar=_calendar(configuration, span),
        read=lambda: islice(read_records(journal), span.records),
    )


def _calendar(configuration: Configuration, span: Span) -> Calendar:
    margin = timedelta(days=CALENDAR_DAYS)
    first, last = (to_datetime(time).date() for time in (span.first, span.last))
    name = configuration.environment.calendar
    return read_calendar(name, (first - margin).isoformat(), (last + margin).isoformat())
