"""The folded state as bytes, and back: what a start reads in the place of the records that made it.

Everything that a fold holds has a shape, with the type of each field; bytes that do not fit are no state. A
field that no shape has is refused when the state is written down: nothing is left out in silence. What is
known by construction, such as who folds which event, is made anew.
"""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.model.authority import Scope
from agenttrader.model.breaks import Break
from agenttrader.model.errors import BadValue
from agenttrader.model.events import (
    DayOpened,
    EquitySampled,
    Filled,
    LinkChanged,
    Reconciled,
    SegmentOpened,
)
from agenttrader.model.identifiers import (
    ActivityId,
    AgentName,
    ExecutionId,
    OrderId,
    StrategyName,
    Symbol,
)
from agenttrader.model.permits import Permits
from agenttrader.model.times import Instant
from agenttrader.portfolio.day_loss import DayLoss
from agenttrader.portfolio.estimates import FeeEstimates
from agenttrader.portfolio.high_water import HighWater
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.kept_orders import (
    FAMILY_FIELDS,
    LEDGER_FIELDS,
    ORDER_FIELDS,
    TOTALS_FIELDS,
    KeptLedger,
    keep_ledger,
    revive_ledger,
)
from agenttrader.portfolio.round_trips import RoundTrips
from agenttrader.portfolio.tenures import Tenure
from agenttrader.runtime.breakers import Asked
from agenttrader.runtime.comparisons import Comparisons
from agenttrader.runtime.entries import Entries
from agenttrader.runtime.kept_shapes import plain, require_whole, revived
from agenttrader.runtime.messages import Messages
from agenttrader.runtime.outside import Outside
from agenttrader.runtime.protection import Bare
from agenttrader.runtime.ruling import Ruling
from agenttrader.runtime.standing import Standing
from agenttrader.runtime.state import State
from agenttrader.runtime.waiting import Approvals


class _Breakers(Struct):
    """What the breakers go by, under the names that they have there."""

    water: HighWater
    day: DayLoss
    losses: dict[AgentName, int]
    rejections: dict[AgentName, deque[Instant]]
    answers: deque[int | None]
    errors: deque[Instant]
    breaking: int
    tripped: dict[tuple[str, Scope], Asked]
    _round_trips: RoundTrips
    _is_own: bool
    _stale: bool


class _Book(Struct):
    """The book less its orders, in the same way."""

    is_open: bool
    cash: Decimal
    fees: Decimal
    estimates: FeeEstimates
    income: Decimal
    flows: Decimal
    activities: set[ActivityId]
    holdings: dict[Symbol, Holding]
    tenures: dict[Symbol, Tenure]
    by_strategy: dict[tuple[StrategyName, Symbol], Holding]
    permits: Permits | None
    executions: dict[ExecutionId, Filled]
    busted: dict[ExecutionId, Instant]


class _Rest(Struct):
    """The state less its book, breakers and orders."""

    standing: Standing
    segment: SegmentOpened | None
    day: DayOpened | None
    overnight: frozenset[Symbol]
    equity: EquitySampled | None
    reconciled: Reconciled | None
    agreed: Instant | None
    links: dict[str, LinkChanged]
    version: int
    last_time: Instant
    parts: set[OrderId]
    told: dict[Symbol, Decimal | None]
    entries: Entries
    messages: Messages
    approvals: Approvals
    ruling: Ruling
    outside: Outside
    comparisons: Comparisons
    bare: dict[Symbol, Bare]
    uncompared: set[Break]
    _flows_at_open: Decimal
    _stated: Reconciled | None
    _found: list[Break]
    _explained: dict[Break, Instant]
    _decided: dict[AgentName, deque[Instant]]
    _approved_in_account: deque[Instant]


class _Kept(Struct):
    """All of it."""

    rest: _Rest
    book: _Book
    breakers: _Breakers
    orders: KeptLedger
    closing: list[OrderId]


_encoder = msgspec.msgpack.Encoder(enc_hook=plain)
_decoder = msgspec.msgpack.Decoder(_Kept, dec_hook=revived)


def state_to_bytes(state: State) -> bytes:
    """All that the fold says, so that `state_of_bytes` makes it again.

    Raises BadValue where something of it has no shape.
    """
    book, orders = state.book, state.book.orders
    require_whole(state, _Rest.__struct_fields__, "book", "breakers", "closing", "_touched", "_handlers")
    require_whole(book, _Book.__struct_fields__, "orders", "handlers", "_multipliers", "_watched")
    require_whole(state.breakers, _Breakers.__struct_fields__, "_book", "_handlers")
    require_whole(orders, LEDGER_FIELDS, "_multipliers")
    require_whole(orders.totals, TOTALS_FIELDS, "_touch")
    for order in orders.by_id.values():
        require_whole(order, ORDER_FIELDS)
        require_whole(order.family, FAMILY_FIELDS)
        break
    return _encoder.encode(
        _Kept(
            rest=_taken(_Rest, state),
            book=_taken(_Book, book),
            breakers=_taken(_Breakers, state.breakers),
            orders=keep_ledger(orders),
            closing=list(state.closing),
        )
    )


def state_of_bytes(body: bytes, multipliers: Mapping[Symbol, Decimal]) -> State:
    """The state that was written down. Raises BadValue where the bytes are none of ours."""
    state = State(multipliers)
    try:
        kept = _decoder.decode(body)
        revive_ledger(kept.orders, state.book.orders)
        state.closing = {name: state.book.orders.by_id[name] for name in kept.closing}
    except (msgspec.MsgspecError, LookupError, ValueError, TypeError) as error:
        raise BadValue(f"expected a fold as this version writes it down, found: {error}") from error
    _fill(state, kept.rest)
    _fill(state.book, kept.book)
    _fill(state.breakers, kept.breakers)
    return state


def _taken(shape: Callable[..., Any], value: object) -> Any:
    names: tuple[str, ...] = shape.__struct_fields__  # type: ignore[attr-defined]
    return shape(**{name: getattr(value, name) for name in names})


def _fill(value: object, kept: Struct) -> None:
    for name in kept.__struct_fields__:
        setattr(value, name, getattr(kept, name))
