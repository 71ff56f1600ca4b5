"""Show what stands in a journal: all of it, some kinds, an order's whole life, or the last few records."""

import typing
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from agenttrader.app.journals.wiring import find_archive
from agenttrader.model.errors import BadValue
from agenttrader.model.events import (
    Accepted,
    BreakFound,
    BreakSettled,
    Decided,
    Event,
    Reconciled,
    ReplaceRequested,
)
from agenttrader.model.identifiers import OrderId
from agenttrader.model.records import Sealed

KINDS = tuple(str(kind.__struct_config__.tag) for kind in typing.get_args(Event))
"""Every kind with its version, in the order of the union."""


class Selection(Struct, frozen=True, kw_only=True):
    """What is asked for; nothing of it set asks for everything. `order` may be the beginning of an id."""

    kinds: tuple[str, ...] = ()
    order: str = ""
    last: int | None = None


def kinds_of(words: Iterable[str]) -> tuple[str, ...]:
    """The kinds that the words name, `filled` for every version of it; BadValue for a word that is none."""
    found: list[str] = []
    for word in words:
        named = [kind for kind in KINDS if word in (kind, kind.partition(".")[0])]
        if not named:
            known = ", ".join(sorted({kind.partition(".")[0] for kind in KINDS}))
            raise BadValue(f"--kind: expected a kind of record, found {word!r}; there are {known}")
        found += named
    return tuple(found)


def show(path: Path, selection: Selection) -> Iterator[Sealed[Event]]:
    """The records of the journal that `path` means, each verified against the one before it.

    Raises ConfigurationError or StoreError where there is no journal, TamperingFound where the chain breaks.
    """
    return select(find_archive(path).read(), selection)


def select(records: Iterable[Sealed[Event]], selection: Selection) -> Iterator[Sealed[Event]]:
    """The records that are asked for, in order; an order's whole life, with the legs that protect it."""
    found: Iterable[Sealed[Event]] = records
    if selection.order:
        found = _of_order(found, selection.order)
    if selection.kinds:
        found = (sealed for sealed in found if sealed.kind in selection.kinds)
    if selection.last is not None:
        found = deque(found, maxlen=selection.last)
    return iter(found)


def _of_order(records: Iterable[Sealed[Event]], beginning: str) -> Iterator[Sealed[Event]]:
    family: set[OrderId] = set()
    for sealed in records:
        orders = set(orders_of(sealed.event))
        if any(order.startswith(beginning) for order in orders) or orders & family:
            if isinstance(sealed.event, Accepted | ReplaceRequested):
                family |= orders
            yield sealed


def orders_of(event: Event) -> Iterator[OrderId]:
    """Every order that the event is about."""
    match event:
        case Decided():
            yield event.proposal.id
        case Accepted():
            yield event.order_id
            yield from (leg.order_id for leg in (event.stop, event.target) if leg is not None)
        case ReplaceRequested():
            yield event.order_id
            yield event.replacement
        case BreakFound() | BreakSettled():
            if event.found.order_id is not None:
                yield event.found.order_id
        case Reconciled():
            yield from (found.order_id for found in event.breaks if found.order_id is not None)
        case _:
            order = getattr(event, "order_id", None)
            if order is not None:
                yield order
