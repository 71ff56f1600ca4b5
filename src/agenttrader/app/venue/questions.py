"""What clients ask about orders, activities and the clock, by parameters; an unknown one is refused."""

from collections.abc import Iterable, Sequence
from datetime import date

from agenttrader.app.venue.answers import activity_answer, order_answer
from agenttrader.app.venue.requests import Unsupported
from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, from_rfc3339, rfc3339
from agenttrader.protocols.alpaca_trading import ACTIVITY_TYPES, SIDES, Activity, Clock, Order
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.inputs import Activity as VenueActivity
from agenttrader.simulation.inputs import FeePosted, FillPosted
from agenttrader.simulation.orders import VenueOrder

ORDERS_DEFAULT, ORDERS_MAX = 50, 500
ACTIVITIES_MAX = 100
_STATUSES = ("open", "closed", "all")
_DIRECTIONS = ("asc", "desc")
_TYPES: dict[type[VenueActivity], str] = {FillPosted: "FILL", FeePosted: "FEE"}
_CATEGORIES = {"trade_activity": frozenset({"FILL"}), "non_trade_activity": ACTIVITY_TYPES - {"FILL"}}


class Parameters:
    """The parameters of one request, each asked for by name; `finish` refuses what nobody asked for."""

    def __init__(self, pairs: Iterable[tuple[str, str]], unsupported: tuple[str, ...] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name in unsupported:
                raise Unsupported(f"parameter {name}")
            if name in self._values:
                raise BadValue(f"{name}: expected it once, found it twice")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """The parameter, or None where it is not given or empty."""
        return self._values.pop(name, None) or None

    def word(self, name: str, words: Iterable[str], default: str) -> str:
        """One of `words`."""
        found = self.text(name) or default
        if found not in words:
            raise BadValue(f"{name}: expected one of {', '.join(words)}, found {found!r}")
        return found

    def flag(self, name: str) -> bool:
        """True or false, in any case; false where it is not given."""
        return self.word(name, ("true", "false", "True", "False"), "false").lower() == "true"

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        found = self.text(name)
        if found is None:
            return default
        if not (found.isascii() and found.isdigit() and 1 <= int(found) <= most):
            raise BadValue(f"{name}: expected a whole number from 1 to {most}, found {found!r}")
        return int(found)

    def time(self, name: str) -> Instant | None:
        """A time as RFC 3339, or a date for its first instant in UTC."""
        found = self.text(name)
        if found is None:
            return None
        is_date = len(found) == len("2026-11-20")
        # A client that does not escape the plus of an offset sends a blank.
        return from_rfc3339(f"{found}T00:00:00Z" if is_date else found.replace(" ", "+"))

    def listed(self, name: str) -> frozenset[str] | None:
        """Words between commas; None where it is not given."""
        found = self.text(name)
        return None if found is None else frozenset(found.split(","))

    def finish(self) -> None:
        """Raises BadValue for the parameters that nobody asked for."""
        if self._values:
            raise BadValue(f"expected only parameters of this request, found {', '.join(self._values)}")


def orders_asked(exchange: Exchange, account: str, parameters: Parameters) -> list[Order]:
    """The orders that are asked for; the newest come first unless told otherwise.

    Nested, a leg stands in its entry; one whose entry is not among what is asked for stands for itself.
    """
    status = parameters.word("status", _STATUSES, "open")
    limit = parameters.count("limit", ORDERS_DEFAULT, ORDERS_MAX)
    after, until = parameters.time("after"), parameters.time("until")
    direction = parameters.word("direction", _DIRECTIONS, "desc")
    nested = parameters.flag("nested")
    side = parameters.word("side", (*sorted(SIDES), ""), "")
    symbols = parameters.listed("symbols")
    parameters.finish()
    found = {
        order.id: order
        for order in exchange.books.all_of(account)
        if (status == "all" or order.status.is_open is (status == "open"))
        and (after is None or order.accepted_at > after)
        and (until is None or order.accepted_at < until)
        and side in ("", order.side.value)
        and (symbols is None or order.symbol in symbols)
    }
    shown = [order for order in found.values() if not (nested and order.entry in found)]
    if direction == "desc":
        shown.reverse()
    return [answered(exchange, order, nested=nested) for order in shown[:limit]]


def answered(exchange: Exchange, order: VenueOrder, *, nested: bool) -> Order:
    """One order as it is told, with its legs where they are asked for."""
    books = exchange.books
    return order_answer(order, books.legs_of(order) if nested else (), books.listings[order.symbol])


def activities_asked(
    exchange: Exchange, account: str, parameters: Parameters, only: str | None
) -> list[Activity]:
    """The page of activities that is asked for; the newest come first unless told otherwise."""
    types = frozenset({only}) if only is not None else parameters.listed("activity_types") or ACTIVITY_TYPES
    category = parameters.word("category", (*_CATEGORIES, ""), "")
    day, after, until = parameters.text("date"), parameters.time("after"), parameters.time("until")
    direction = parameters.word("direction", _DIRECTIONS, "desc")
    size = parameters.count("page_size", ACTIVITIES_MAX, ACTIVITIES_MAX)
    token = parameters.text("page_token")
    parameters.finish()
    for wrong in sorted(types - ACTIVITY_TYPES):
        raise BadValue(f"activity_types: expected types of Alpaca's, found {wrong!r}")
    _expect_day(day)
    wanted = types & _CATEGORIES.get(category, ACTIVITY_TYPES)
    found = [
        activity
        for activity in exchange.activities[account]
        if _TYPES[type(activity)] in wanted
        and (after is None or activity.time > after)
        and (until is None or activity.time < until)
        and (day is None or rfc3339(activity.time).startswith(day))
    ]
    if direction == "desc":
        found.reverse()
    start = _after(found, token)
    listings = exchange.books.listings
    page = found[start : start + size]
    return [activity_answer(each, listings[each.order.symbol]) for each in page if each.order is not None]


def clock_answer(exchange: Exchange) -> Clock:
    """The data's time and the sessions around it. Raises BadValue where the table has ended."""
    clock = exchange.clock
    next_open, next_close = exchange.sessions.next_open(clock), exchange.sessions.next_close(clock)
    if next_open is None or next_close is None:
        raise BadValue(f"clock: expected a session after {rfc3339(clock)}, found the calendar's end")
    return Clock(
        timestamp=rfc3339(clock),
        is_open=exchange.sessions.is_open(clock),
        next_open=rfc3339(next_open),
        next_close=rfc3339(next_close),
    )


def _expect_day(text: str | None) -> None:
    try:
        date.fromisoformat(text or "2026-11-20")
    except ValueError:
        raise BadValue(f"date: expected a day as YYYY-MM-DD, found {text!r}") from None


def _after(activities: Sequence[VenueActivity], token: str | None) -> int:
    """The place after the activity that `token` names."""
    if token is None:
        return 0
    named = token.partition("::")[2]
    for place, activity in enumerate(activities, start=1):
        if activity.id == named:
            return place
    raise BadValue(f"page_token: expected the id of an activity in this list, found {token!r}")
