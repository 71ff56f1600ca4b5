"""A trading day as it can be played: minute by minute, whoever made it, labelled with what it is.

Whatever shows these prices must say what they are: `feed` and `notice` go with them everywhere.
"""

from msgspec import Struct

from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, Quote, StatusChange
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant


class Moment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes known at `time`, in order: statuses from then, quotes as of then, bars that end then."""

    time: Instant
    statuses: tuple[StatusChange, ...]
    bars: tuple[Bar, ...]
    quotes: tuple[Quote, ...] = ()


class Day(Struct, frozen=True, kw_only=True):
    """One session, minute by minute: the first moment is the open, the last the close."""

    feed: str
    """The name of the feed that serves it, which says what kind of prices these are."""
    notice: str
    """What the prices are, in words."""
    origin: str
    """What it was made from: a seed, or a file."""
    session: Session
    symbols: tuple[Symbol, ...]
    moments: tuple[Moment, ...]
    digest: Digest
    """SHA-256 over everything that is told, and what it was made from."""
