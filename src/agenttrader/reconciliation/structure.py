"""Is what is held still the whole that it was entered as?

Quantities may agree with the broker's to the last unit, and still a spread may have lost a leg (one was
assigned, exercised, or closed by itself), or what protects a bracket may be for more than is held, and would
open the other side. Neither is judged within a grace: the legs of a whole fill, and are closed, one by one.
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.breaks import Break, BreakKind, StructureKind
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.times import SECOND, Duration, Instant, rfc3339
from agenttrader.model.values import ZERO


class Grace(Struct, frozen=True, kw_only=True):
    """How long a structure may be out of shape after the last fill in it."""

    opening_seconds: int
    """Where all fills since it was flat are of its entry."""
    later_seconds: int

    def of(self, *, is_opening: bool) -> Duration:
        """The one that holds."""
        return Duration((self.opening_seconds if is_opening else self.later_seconds) * SECOND)


class HeldLeg(Struct, frozen=True, kw_only=True):
    """What is held of one leg of a spread, and how many units of it one whole has, both signed."""

    symbol: Symbol
    ratio: int
    held: Decimal

    @property
    def wholes(self) -> Decimal:
        """How many wholes it is enough for; below 0 where it is held the other way round."""
        return self.held / self.ratio


class HeldSpread(Struct, frozen=True, kw_only=True):
    """What is held of several legs that one entry opened."""

    entry: OrderId
    legs: tuple[HeldLeg, ...]
    changed: Instant
    """When something last filled in one of its legs."""
    is_opening: bool


class HeldBracket(Struct, frozen=True, kw_only=True):
    """A symbol in which something protects, and what that may trade, unsigned."""

    symbol: Symbol
    held: Decimal
    protecting: Decimal
    changed: Instant
    is_opening: bool


def broken_spread(spread: HeldSpread, grace: Grace, now: Instant) -> Iterator[Break]:
    """A break for each leg that does not go with the largest."""
    if now - spread.changed <= grace.of(is_opening=spread.is_opening):
        return
    largest = max(spread.legs, key=lambda leg: (abs(leg.wholes), leg.symbol))
    for leg in spread.legs:
        reason = _reason(leg.wholes, largest.wholes)
        if reason is not None:
            expected = largest.wholes * leg.ratio
            yield Break(
                kind=BreakKind.STRUCTURE,
                ours=reason.value,
                theirs=f"{_number(leg.held)} of {_number(expected)}",
                sentence=f"The spread of order {spread.entry} is not whole since {rfc3339(spread.changed)}: "
                f"{_number(largest.held)} {largest.symbol} go with {_number(expected)} {leg.symbol}, and "
                f"{_number(leg.held)} are held. What limits its loss may be gone.",
                symbol=leg.symbol,
                order_id=spread.entry,
            )


def broken_bracket(bracket: HeldBracket, grace: Grace, now: Instant) -> Iterator[Break]:
    """A break where what protects may trade more than is held."""
    over = bracket.protecting - abs(bracket.held)
    if over > 0 and now - bracket.changed > grace.of(is_opening=bracket.is_opening):
        yield Break(
            kind=BreakKind.STRUCTURE,
            ours=StructureKind.LEG_EXCEEDS.value,
            theirs=f"{_number(bracket.protecting)} of {_number(abs(bracket.held))}",
            sentence=f"What protects {bracket.symbol} may trade {_number(bracket.protecting)}, and "
            f"{_number(bracket.held)} are held since {rfc3339(bracket.changed)}: it could open the other "
            f"side, {_number(over)} of it.",
            symbol=bracket.symbol,
        )


def _reason(wholes: Decimal, largest: Decimal) -> StructureKind | None:
    if wholes == largest:
        return None
    if not wholes:
        return StructureKind.LEG_MISSING
    return StructureKind.LEG_DIRECTION if wholes * largest < 0 else StructureKind.LEG_QUANTITY


def _number(value: Decimal) -> str:
    return f"{value.normalize() + ZERO:f}"
