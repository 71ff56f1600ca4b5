"""Recorded days by name: which symbol and session a folder can play, and that day, ready to be played."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from msgspec import Struct

from agenttrader.adapters.calendars import read_calendar, read_session
from agenttrader.adapters.recorded_files import read_recording, recorded_symbols
from agenttrader.model.identifiers import Symbol
from agenttrader.model.sessions import Session
from agenttrader.simulation.recorded import RecordedDay, play_back
from agenttrader.simulation.recording import Recording, RecordingRefused, Rule, refuse

_BEFORE = timedelta(days=14)
"""No exchange that we trade on closes for longer: so near lies the session before."""


class Choice(Struct, frozen=True, kw_only=True):
    """Which recorded session is to be played."""

    symbol: Symbol
    day: str


def choose_days(
    folder: Path, calendar: str, symbol: str | None, day: str | None, last: str | None = None
) -> tuple[Choice, ...]:
    """The session that was asked for, and with `last` every recorded one from it to that day.

    Without a symbol it is the first by name that has the day, without a day the symbol's first. Raises
    RecordingRefused where there is none.
    """
    there = recorded_symbols(folder)
    if symbol is not None and symbol not in there:
        refuse(
            Rule.ABSENT, f"{folder}", f"expected --symbol as one of {', '.join(there)}, found {symbol!r:.40}"
        )
    found = _first_with(folder, there if symbol is None else [symbol], day)
    first = day or found.dates[0]
    days = [each for each in found.dates if first <= each <= (last or first)]
    if last is not None and (not days or days[-1] != last):
        refuse(
            Rule.ABSENT,
            str(folder),
            f"expected --to as a recorded day of {found.symbol} from {first} on, found {last}; recorded are "
            f"{', '.join(found.dates)}",
        )
    for each in days:
        read_session(calendar, each)
    return tuple(Choice(symbol=found.symbol, day=each) for each in days)


def _first_with(folder: Path, symbols: Sequence[str], day: str | None) -> Recording:
    """The first that has the day, or any; what lies behind it is not read."""
    there = []
    for symbol in symbols:
        recording = read_recording(folder, symbol)
        if recording.dates and (day is None or day in recording.dates):
            return recording
        there.append(f"{symbol} {', '.join(recording.dates) or 'none'}")
    wanted = "any day to be recorded" if day is None else f"--day as a recorded day, found {day}"
    sentence = f"expected {wanted}; recorded are {'; '.join(there)}"
    raise RecordingRefused(Rule.ABSENT, str(folder), sentence)


def read_recorded_day(
    folder: Path, symbol: str, day: str, calendar: str, sha256: str | None = None
) -> RecordedDay:
    """The day, judged by every rule; `sha256` is what its files must have, None where that is yet unknown.

    Raises BadValue for a day that is no session of the exchange, else RecordingRefused.
    """
    session = read_session(calendar, day)
    recording = read_recording(folder, symbol)
    if sha256 is not None and recording.digest != sha256:
        refuse(
            Rule.CHANGED,
            str(folder),
            f"expected files of {symbol} with digest {sha256}, found {recording.digest}; make the run anew",
        )
    return play_back(recording, session, _session_before(calendar, day))


def _session_before(calendar: str, day: str) -> Session:
    start = date.fromisoformat(day) - _BEFORE
    return read_calendar(calendar, start.isoformat(), day).sessions[-2]
