"""What a client asks in a request's parameters, read strictly: what is not known is refused, not dropped."""

from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, from_rfc3339

Pairs = Iterable[tuple[str, str]]
"""The parameters of a request, as they came."""
_Question = TypeVar("_Question")


class OrdersAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which orders, how many, and in which order; as Alpaca documents them."""

    status: Literal["open", "closed", "all"] = "open"
    limit: Annotated[int, Meta(ge=1, le=500)] = 50
    after: str | None = None
    until: str | None = None
    direction: Literal["asc", "desc"] = "desc"
    nested: bool = False
    side: Literal["buy", "sell"] | None = None
    symbols: str | None = None


class OrderAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether legs stand in their entry."""

    nested: bool = False


class ClientOrderAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """One order by its client's id."""

    client_order_id: str


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing may be said."""


def read(pairs: Pairs, kind: type[_Question]) -> _Question:
    """The parameters as a question. Raises BadValue for one that is not known, comes twice, or cannot be."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise BadValue(f"{name}: expected it once, found it twice")
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadValue(f"parameters: {error}") from error


def time_of(text: str | None) -> Instant | None:
    """A time as RFC 3339, or a date for its first instant in UTC."""
    if text is None:
        return None
    is_date = len(text) == len("2026-11-20")
    # A client that does not escape the plus of an offset sends a blank.
    return from_rfc3339(f"{text}T00:00:00Z" if is_date else text.replace(" ", "+"))
