"""What a client asks in a request's parameters, read strictly: what is not known is refused, not dropped."""

from collections.abc import Iterable
from datetime import date
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


class AssetsAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which assets; of equities unless a class is named."""

    status: Literal["active", "inactive"] | None = None
    asset_class: Literal["us_equity", "us_option", "crypto"] = "us_equity"
    exchange: str | None = None
    attributes: str | None = None


class CalendarAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which trading days, by their own date or by that on which they settle."""

    start: str | None = None
    end: str | None = None
    date_type: Literal["TRADING", "SETTLEMENT"] = "TRADING"


class ActivitiesAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which activities, and which page of them; `page_token` is the id of the last that was read."""

    activity_types: str | None = None
    category: Literal["trade_activity", "non_trade_activity"] | None = None
    date: str | None = None
    after: str | None = None
    until: str | None = None
    direction: Literal["asc", "desc"] = "desc"
    page_size: Annotated[int, Meta(ge=1, le=100)] = 100
    page_token: str | None = None


class CloseAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a position: so many units, or so many in a hundred; the whole where neither is said.

    As text: `alpaca_closing` reads the numbers.
    """

    qty: str | None = None
    percentage: str | None = None


class CloseAllAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether working orders are canceled first."""

    cancel_orders: bool = False


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
        found = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadValue(f"parameters: {error}") from error
    for name, value in values.items():
        if getattr(found, name) is None:  # Text is read leniently, and that takes `null` for nothing.
            raise BadValue(f"{name}: expected one of its words, found {value!r}")
    return found


def day_of(text: str | None, name: str) -> str | None:
    """A day as YYYY-MM-DD; the time that a client adds to it is passed over. Raises BadValue."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text[: len("2026-11-20")]).isoformat()
    except ValueError:
        raise BadValue(f"{name}: expected a day as YYYY-MM-DD, found {text!r}") from None


def time_of(text: str | None) -> Instant | None:
    """A time as RFC 3339, or a date for its first instant in UTC."""
    if text is None:
        return None
    is_date = len(text) == len("2026-11-20")
    # A client that does not escape the plus of an offset sends a blank.
    return from_rfc3339(f"{text}T00:00:00Z" if is_date else text.replace(" ", "+"))
