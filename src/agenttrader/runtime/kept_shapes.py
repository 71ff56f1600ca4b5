"""The shapes of what a fold holds: the type of each field of each class, so that bytes become it again.

A class that is not here cannot be kept, and neither can one with a field that is not: both are said aloud
when a state is written down. So whoever adds a field to the fold adds it here.
"""

from collections import deque
from decimal import Decimal
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct

from agenttrader.model.authority import Scope, Signature
from agenttrader.model.errors import BadValue
from agenttrader.model.events import (
    Halted,
)
from agenttrader.model.identifiers import (
    AgentName,
    BrokerOrderId,
    ExecutionId,
    OrderId,
    Symbol,
)
from agenttrader.model.orders import Leg, Side
from agenttrader.model.outside import ActedOutside
from agenttrader.model.ruling import LimitTightened
from agenttrader.model.times import Instant
from agenttrader.portfolio.day_loss import DayLoss
from agenttrader.portfolio.estimates import FeeEstimates
from agenttrader.portfolio.high_water import HighWater
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.reserves import Reserves, Sums
from agenttrader.portfolio.round_trips import OpenTrip, RoundTrips
from agenttrader.portfolio.scopes import About
from agenttrader.portfolio.working import Stops
from agenttrader.runtime.compared_days import ComparedDay, ComparedDays
from agenttrader.runtime.comparisons import Comparisons
from agenttrader.runtime.entries import Entries
from agenttrader.runtime.messages import Messages
from agenttrader.runtime.outside import Outside
from agenttrader.runtime.ruling import Ruling
from agenttrader.runtime.standing import Standing, Window
from agenttrader.runtime.waiting import Approvals, Waiting

_Same = tuple[AgentName, tuple[Leg, ...], Side, Decimal]

FIELDS: dict[type, dict[str, Any]] = {
    Holding: dict.fromkeys(("multiplier", "quantity", "cost", "realised", "fees"), Decimal),
    FeeEstimates: {
        "total": Decimal,
        "_posted_until": Instant,
        "_standing": dict[ExecutionId, tuple[Instant, Decimal]],
    },
    Stops: {
        "_is_long": bool,
        **dict.fromkeys(("covers", "units", "slope", "level"), Decimal),
        "_prices": list[Decimal],
    },
    Reserves: {"total": Decimal, "_of": dict[AgentName, Decimal], "_by_table": Sums[Decimal]},
    HighWater: {
        "high": Decimal | None,
        "last": Instant | None,
        "_equities": deque[Decimal],
        "_is_emptied": bool,
    },
    DayLoss: {"start": Decimal | None, "_equities": deque[Decimal], "_last": Instant | None},
    Entries: {
        "count": dict[AgentName, int],
        "count_total": int,
        "risk": dict[AgentName, Decimal],
        "risk_total": Decimal,
        "count_by_table": Sums[int],
        "risk_by_table": Sums[Decimal],
        "_today": set[OrderId],
        "_times": dict[_Same, list[Instant]],
    },
    Messages: {"_times": dict[AgentName, deque[Instant]]},
    Approvals: {"waiting": dict[OrderId, Waiting]},
    Ruling: {
        "base": dict[str, str] | None,
        "tightened": dict[str, str],
        "why": dict[str, LimitTightened],
        "_signed": dict[str, list[Signature]],
    },
    Outside: {
        "lines": dict[str, int],
        "answered": dict[BrokerOrderId, ActedOutside],
        "unanswered": tuple[ActedOutside, ...],
    },
    Comparisons: {
        **dict.fromkeys(("runs", "differing", "failed"), int),
        **dict.fromkeys(("compared", "agreed"), Instant | None),
        "days": ComparedDays,
        "_is_failed": bool,
    },
    ComparedDays: {"by_date": dict[str, ComparedDay], "_at_hand": str | None},
    Standing: {
        "latches": dict[Scope, Halted],
        "latched_at": dict[Scope, Instant],
        "window": Window | None,
        "closed_at": Instant | None,
        "nonces": set[str],
    },
}
"""Values, which are made anew of their fields."""
SHAPES: dict[type, type[Struct]] = {
    kind: msgspec.defstruct(kind.__name__, list(fields.items()), array_like=True)
    for kind, fields in FIELDS.items()
}


class _Trips(Struct, array_like=True):
    """Round trips that are open, each once, and which of them each symbol is in."""

    trips: list[tuple[AgentName, dict[Symbol, Decimal], Decimal, list[OrderId]]]
    symbols: dict[Symbol, int]


def plain(value: Any) -> Any:
    """What msgspec can write in the place of `value`. Raises BadValue where something would be left out."""
    if isinstance(value, deque):
        return value.maxlen, list(value)
    if isinstance(value, Sums):
        return getattr(value, _AMOUNTS)
    if isinstance(value, RoundTrips):
        return _trips(value)
    shape = SHAPES.get(type(value))
    if shape is None:
        raise BadValue(f"{type(value).__name__}: expected a shape of it, found none")
    require_whole(value, shape.__struct_fields__)
    return shape(*[getattr(value, name) for name in shape.__struct_fields__])


def revived(kind: Any, raw: Any) -> Any:
    """The value of this type, of what was written in its place. Raises msgspec.ValidationError."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is deque:
        longest, values = raw
        return deque(_converted(values, list[arguments[0]]), longest)  # type: ignore[valid-type]
    if origin is Sums:
        (number,) = arguments
        sums = Sums(number(0))
        setattr(sums, _AMOUNTS, _converted(raw, dict[About, number]))  # type: ignore[valid-type]
        return sums
    if origin is RoundTrips:
        return _round_trips(_converted(raw, _Trips))
    shape = SHAPES[origin]
    kept = _converted(raw, shape)
    value = origin.__new__(origin)
    for name in shape.__struct_fields__:
        setattr(value, name, getattr(kept, name))
    return value


def require_whole(value: object, kept: Any, *others: str) -> None:
    """Raise BadValue where `value` has other fields than those `kept` and the `others`."""
    found = {*getattr(type(value), "__slots__", ()), *getattr(value, "__dict__", ())}
    expected = {*kept, *others}
    if found != expected:
        raise BadValue(
            f"{type(value).__name__}: expected shapes of all its fields, found others: "
            f"{', '.join(sorted(found ^ expected))}. Shapes stand in runtime/kept_*.py"
        )


_AMOUNTS, _OPEN = "_amounts", "_open"


def _converted(raw: Any, kind: Any) -> Any:
    return msgspec.convert(raw, kind, dec_hook=revived)


def _trips(value: RoundTrips) -> _Trips:
    by_symbol = getattr(value, _OPEN)
    trips = list({id(trip): trip for trip in by_symbol.values()}.values())
    return _Trips(
        [(trip.agent, trip.held, trip.cash, list(trip.orders)) for trip in trips],
        {symbol: trips.index(trip) for symbol, trip in by_symbol.items()},
    )


def _round_trips(kept: _Trips) -> RoundTrips:
    trips = []
    for agent, held, cash, orders in kept.trips:
        trip = OpenTrip(agent)
        trip.held, trip.cash, trip.orders = held, cash, dict.fromkeys(orders)
        trips.append(trip)
    value = RoundTrips()
    setattr(value, _OPEN, {symbol: trips[place] for symbol, place in kept.symbols.items()})
    return value
