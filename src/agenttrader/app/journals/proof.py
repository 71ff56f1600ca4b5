"""The proof of an order's life: made from a journal, and verified by anybody with the public key alone.

A bundle has every record from the order's first to the first signed head after its last, whoever they are
about: the chain goes through all of them. So it shows what was decided on which prices, by which checks, what
left under which id, and what the broker said of it.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import cast

from msgspec import Struct

from agenttrader.app.journals.show import Selection, select
from agenttrader.app.journals.wiring import Proofs, bundle_reader, find_archive
from agenttrader.model.decisions import MarkUsed
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.model.events import Decided, Event, Filled, Sending
from agenttrader.model.identifiers import (
    AccountName,
    ClientOrderId,
    OrderId,
    Symbol,
    derive_client_order_id,
)
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Sealed
from agenttrader.model.values import ZERO
from agenttrader.ports.proofs import Proven


class OrdersLife(Struct, frozen=True, kw_only=True):
    """What the records say of one order."""

    proposal: Proposal
    code: str
    """`approved`, or the code of the check that denied it."""
    checks: int
    marks: tuple[MarkUsed, ...]
    """The prices that it was decided on."""
    client_id: ClientOrderId | None
    """What the broker was told to call it: it names record and hash. None where it never left."""
    filled: str
    """Units, of one leg; by symbol where it has several."""
    records: tuple[Sealed[Event], ...]
    """Those about it and the legs that protect it."""


class Proof(Struct, frozen=True, kw_only=True):
    """What verifying a bundle found; `finding` is empty where it proves the order's life."""

    bundle: Path
    account: AccountName | None = None
    key_id: str = ""
    first: int = 0
    last: int = 0
    life: OrdersLife | None = None
    finding: str = ""


def make_proof(path: Path, order: str, target: Path | None) -> Proof:
    """Write the bundle of the order whose id begins so, and verify it as a third person would.

    Raises BadValue where there is no such order, or several; StoreError where no head is signed after it.
    """
    archive = find_archive(path)
    proofs = Proofs(archive)
    order_id, first, last = _order_called(order, archive.read())
    head = proofs.first_head(last)
    records = takewhile(lambda each: each.sequence <= head.sequence, archive.read(first - 1))
    file = target or Path("audit_artifacts") / "proofs" / f"{order_id}.json"
    proofs.write(file, order_id, head, records)
    return _verify(file, proofs.read)


def verify_proof(bundle: Path, key: Path) -> Proof:
    """Whether the bundle proves the life of its order to whoever trusts the public key in `key`.

    Raises StoreError where that is no key.
    """
    return _verify(bundle, bundle_reader(key))


def _verify(bundle: Path, read: Callable[[Path], Proven]) -> Proof:
    try:
        proven = read(bundle)
        life = life_of(proven.order, proven.records)
    except AgentTraderError as error:
        return Proof(bundle=bundle, finding=str(error))
    return Proof(
        bundle=bundle,
        account=proven.account,
        key_id=proven.key_id,
        first=proven.records[0].sequence,
        last=proven.records[-1].sequence,
        life=life,
    )


def life_of(order: OrderId, records: Iterable[Sealed[Event]]) -> OrdersLife:
    """The order's life in the records. Raises BadValue where it was not decided there."""
    family = tuple(select(records, Selection(order=order)))
    made = [each for each in family if isinstance(each.event, Decided) and each.event.order_id == order]
    if not made:
        raise BadValue(f"order {order}: expected the record of its decision, found none")
    decided = cast("Decided", made[-1].event)
    left = [each for each in family if _leaves(each.event, order)]
    return OrdersLife(
        proposal=decided.proposal,
        code=decided.decision.denied_by or decided.decision.verdict.value,
        checks=len(decided.decision.checks),
        marks=decided.decision.inputs.marks,
        client_id=derive_client_order_id(left[0].sequence, left[0].hash) if left else None,
        filled=_filled(order, family),
        records=family,
    )


def _order_called(beginning: str, records: Iterable[Sealed[Event]]) -> tuple[OrderId, int, int]:
    """The one order that was decided and whose id begins so, and its first and its last record."""
    found: set[OrderId] = set()

    def watched() -> Iterator[Sealed[Event]]:
        for each in records:
            if isinstance(each.event, Decided) and each.event.order_id.startswith(beginning):
                found.add(each.event.order_id)
            yield each

    family = [each.sequence for each in select(watched(), Selection(order=beginning))]
    if len(found) != 1 or not beginning:
        raise BadValue(
            f"order: expected the id of one that was decided, or how it begins, found {beginning[:60]!r}, as "
            f"{len(found)} begin"
        )
    return found.pop(), family[0], family[-1]


def _leaves(event: Event, order: OrderId) -> bool:
    match event:
        case Decided(instruction=instruction):
            return event.order_id == order and instruction is not None
        case Sending():
            return event.order_id == order
        case _:
            return False


def _filled(order: OrderId, records: Iterable[Sealed[Event]]) -> str:
    totals: dict[Symbol, Decimal] = {}
    for each in records:
        if isinstance(each.event, Filled) and each.event.order_id == order:
            totals[each.event.symbol] = totals.get(each.event.symbol, ZERO) + each.event.quantity
    if len(totals) < 2:  # noqa: PLR2004  one leg needs no name
        return str(sum(totals.values(), ZERO))
    return ", ".join(f"{quantity} {symbol}" for symbol, quantity in sorted(totals.items()))
