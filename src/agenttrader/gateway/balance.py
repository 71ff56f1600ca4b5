"""What was approved, held against what leaves: the last account before the wire, kept apart from the rest.

It knows records alone: of each approval one order may leave, once, as it was approved and no larger. It asks
nothing of the engine, its state or the checks, so that a fault there does not pass here as well (Knight
Capital, 2012: 212 orders went in and millions came out, and nobody counted).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter

from msgspec import Struct

from agenttrader.model.decisions import Verdict
from agenttrader.model.events import Decided, Event, Leaving, Withheld
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.instructions import Instruction
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.values import ZERO
from agenttrader.model.words import Word

_OPEN, _CLOSE, _APPROVED = Effect.OPEN, Effect.CLOSE, Verdict.APPROVED


class Tally(Struct):
    """How much of something there was since the process began. Units are counted over all legs."""

    orders: int = 0
    units: Decimal = ZERO

    def add(self, units: Decimal) -> None:
        """One order more."""
        self.orders += 1
        self.units += units


class Imbalance(Struct, frozen=True):
    """What is about to leave and was not approved so."""

    reason: str
    was_here: bool = False
    """Whether the order came before: then it may be at the broker."""


class Balance:
    """What may still leave, by order; and for each symbol how much was approved and how much has left."""

    def __init__(self) -> None:
        self.approved: dict[Symbol, Tally] = {}
        self.left: dict[Symbol, Tally] = {}
        self._due: dict[OrderId, Proposal] = {}
        self._met: set[OrderId] = set()
        """Every order that was ever approved here: a second approval of it is none."""
        self._opened: dict[tuple[Symbol, bool], Decimal] = {}
        """Units of entries that have left, by symbol and whether they buy: a close may meet them, filled."""

    def begin(
        self, waiting: Iterable[Proposal], working: Iterable[Proposal], held: Mapping[Symbol, Decimal]
    ) -> None:
        """Take over what an earlier process, or a fold after a failure of the disk, leaves.

        `waiting` was approved and has not left, `working` has left or may have; what is `held`, signed, came
        of entries that had left before. What is known already stays as it is.
        """
        if not self._met:
            for symbol, quantity in held.items():
                self._add_opened(symbol, quantity)
        for proposal in waiting:
            if proposal.id not in self._met:
                self._met.add(proposal.id)
                self._due[proposal.id] = proposal
        for proposal in working:
            if proposal.id not in self._met:
                self._met.add(proposal.id)
                self._note_entry(proposal)

    def take_in(self, event: Event) -> None:
        """Hear of a record, on disk: an approval, or that what was approved will not leave."""
        if type(event) is Decided:
            proposal = event.proposal
            if event.decision.verdict is _APPROVED and proposal.id not in self._met:
                self._met.add(proposal.id)
                self._due[proposal.id] = proposal
                _count(self.approved, proposal, proposal.quantity)
        elif type(event) is Withheld:
            self._due.pop(event.order_id, None)

    def take(self, leaving: Leaving) -> Proposal | Imbalance:
        """The approval that the order leaves by, which is used up; or why what leaves was not approved so."""
        instruction, order_id = leaving.instruction, leaving.order_id
        assert instruction is not None, f"expected an order that leaves, found {leaving}"
        proposal = self._due.pop(order_id, None)
        if proposal is None:
            was_here = order_id in self._met
            what = "it was here before" if was_here else "no approval of it is on record"
            return Imbalance(f"order {order_id} is about to leave, and {what}", was_here=was_here)
        difference = self._difference(proposal, instruction)
        if difference:
            return Imbalance(f"order {order_id} is about to leave as it was not approved: {difference}")
        return proposal

    def note(self, proposal: Proposal, quantity: Decimal) -> None:
        """Count what has been handed to the broker's connection."""
        _count(self.left, proposal, quantity)
        self._note_entry(proposal)

    def _difference(self, proposal: Proposal, instruction: Instruction) -> str:
        approved, leaves = _terms(proposal), _terms(instruction)
        if approved != leaves:
            return f"expected {_named(approved, leaves)}, found {_named(leaves, approved)}"
        plan = proposal.exit_plan
        for name, price in (("stop", instruction.stop), ("target", instruction.target)):
            planned = None if plan is None else getattr(plan, name)
            if price is not None and price != planned:
                return f"expected the {name} {planned}, found {price}"
        most = proposal.quantity
        if proposal.effect is _CLOSE:
            most += min(self._added(proposal), default=ZERO)
        if instruction.quantity > most:
            return f"expected a quantity of at most {most}, found {instruction.quantity}"
        return ""

    def _added(self, close: Proposal) -> list[Decimal]:
        """Of each leg, how many units of the close entries the other way may have added to the position.

        A close takes what entries still filled while it waited for the end of the protection.
        """
        found = []
        for leg in close.legs:
            sells = close.signed_quantity(leg) < 0
            found.append(self._opened.get((leg.symbol, sells), ZERO) / abs(leg.ratio))
        return found

    def _note_entry(self, proposal: Proposal) -> None:
        if proposal.effect is _OPEN:
            for leg in proposal.legs:
                self._add_opened(leg.symbol, proposal.signed_quantity(leg))

    def _add_opened(self, symbol: Symbol, units: Decimal) -> None:
        key = (symbol, units > 0)
        self._opened[key] = self._opened.get(key, ZERO) + abs(units)


_TERMS = (
    "legs",
    "side",
    "type",
    "time_in_force",
    "limit_price",
    "stop_price",
    "trail_price",
    "trail_percent",
    "extended_hours",
)
"""What leaves as it was approved, whatever the quantity."""
_terms = attrgetter(*_TERMS)


def _named(terms: tuple[object, ...], others: tuple[object, ...]) -> str:
    """Those of the terms that differ from the others, by name."""
    found = zip(_TERMS, terms, others, strict=True)
    return ", ".join(f"{name} {_said(mine)}" for name, mine, other in found if mine != other)


def _said(term: object) -> object:
    match term:
        case Word():
            return term.value
        case tuple():
            return " ".join(f"{leg.ratio} {leg.symbol}" for leg in term)
        case _:
            return term


def _count(tallies: dict[Symbol, Tally], proposal: Proposal, quantity: Decimal) -> None:
    for leg in proposal.legs:
        tally = tallies.get(leg.symbol)
        if tally is None:
            tally = tallies[leg.symbol] = Tally()
        tally.add(quantity if leg.ratio == 1 else quantity * abs(leg.ratio))
