"""When an exchange trades, as plain data: the core is handed a table of sessions and asks no library.

A calendar is a statement about an interval of time. Within it, what is not a session is closed; outside it
nothing is known, and a question about it raises BadValue: *unknown* must not be read as *closed* or *open*.
"""

from bisect import bisect_right

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, digest_of
from agenttrader.model.times import Instant, rfc3339


class Session(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One trading day. `date` is the exchange's own, YYYY-MM-DD; it trades from `open` to before `close`.

    Where the exchange has hours before and after, `early_open` and `late_close` say from when and until when.
    """

    date: str
    open: Instant
    close: Instant
    early_open: Instant | None = None
    late_close: Instant | None = None

    def __post_init__(self) -> None:
        if not self.first <= self.open < self.close <= self.last:
            edges = (self.early_open, self.open, self.close, self.late_close)
            found = ", ".join(rfc3339(edge) for edge in edges if edge is not None)
            raise BadValue(f"session {self.date}: expected open before close, found {found}")

    @property
    def first(self) -> Instant:
        """When its hours begin, the early ones counted."""
        return self.open if self.early_open is None else self.early_open

    @property
    def last(self) -> Instant:
        """When its hours end, the late ones counted."""
        return self.close if self.late_close is None else self.late_close

    def is_open_at(self, instant: Instant) -> bool:
        """Whether the exchange trades at `instant`; at the close it does not any more."""
        return self.open <= instant < self.close


class Calendar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every session of exchange `name` that opens from `start` until before `end`, in order."""

    name: str
    start: Instant
    end: Instant
    sessions: tuple[Session, ...]

    def __post_init__(self) -> None:
        edges = [self.start, *(edge for session in self.sessions for edge in (session.open, session.close))]
        if sorted(edges) != edges or (self.sessions and self.sessions[-1].open >= self.end):
            raise BadValue(
                f"calendar {self.name}: expected sessions in order, without overlap, that open from "
                f"{rfc3339(self.start)} until before {rfc3339(self.end)}"
            )

    @property
    def digest(self) -> Digest:
        """SHA-256 over the whole table: equal digests, equal answers."""
        return digest_of(msgspec.json.encode(self, order="deterministic"))

    def covers(self, instant: Instant) -> bool:
        """Whether the table says anything about `instant`; otherwise the questions below raise BadValue."""
        return self.start <= instant < self.end

    def session_at(self, instant: Instant) -> Session | None:
        """The session that trades at `instant`, or None where the exchange is closed."""
        session = self.latest(instant)
        return session if session is not None and session.is_open_at(instant) else None

    def session_around(self, instant: Instant) -> Session | None:
        """The session whose hours, the early and late ones counted, cover `instant`; None at night."""
        position = self._opened(instant)
        for session in self.sessions[max(position - 1, 0) : position + 1]:
            if session.first <= instant < session.last:
                return session
        return None

    def latest(self, instant: Instant) -> Session | None:
        """The last session that has opened at or before `instant`: the trading day that `instant` counts to.

        None where the table's first session is yet to open.
        """
        position = self._opened(instant)
        return self.sessions[position - 1] if position else None

    def following(self, instant: Instant) -> Session:
        """The first session that opens after `instant`. Raises BadValue where that lies beyond the table."""
        position = self._opened(instant)
        if position == len(self.sessions):
            raise self._unknown(f"the session after {rfc3339(instant)}")
        return self.sessions[position]

    def on(self, date: str) -> Session | None:
        """The session of the exchange's date YYYY-MM-DD, or None where the exchange does not trade on it.

        Raises BadValue for a date before the table's first session or after its last.
        """
        if not self.sessions or not self.sessions[0].date <= date <= self.sessions[-1].date:
            raise self._unknown(date)
        return next((session for session in self.sessions if session.date == date), None)

    def _opened(self, instant: Instant) -> int:
        if not self.covers(instant):
            raise self._unknown(rfc3339(instant))
        return bisect_right(self.sessions, instant, key=lambda session: session.open)

    def _unknown(self, what: str) -> BadValue:
        bounds = f"from {rfc3339(self.start)} until before {rfc3339(self.end)}"
        return BadValue(
            f"calendar {self.name}: expected a time {bounds}, found {what}; build it for a longer range"
        )
