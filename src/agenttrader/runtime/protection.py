"""What is held and not protected, and for how long: the clock behind the break `unprotected`.

A unit is protected while a stop that rests at the broker faces it. The clock of a symbol starts with the
record that left something bare and stops with the one after which nothing is; a close that works lets it run
on, and keeps quiet about it. It is folded from the journal, so a restart does not set it back.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from agenttrader.gateway.limits import AccountLimits
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.events import BreakFound
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import SECOND, Instant, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book


class Bare(Struct, frozen=True, gc=False):
    """Something of a position is not protected."""

    since: Instant
    is_told: bool = False
    """Whether a break was found of it: one for each time that it is bare."""


def bare_units(book: Book, symbol: Symbol) -> Decimal:
    """Units of the position that no stop faces which rests at the broker."""
    held = abs(book.position(symbol))
    return max(ZERO, held - book.covered(symbol)) if held else ZERO


def is_closing(book: Book, symbol: Symbol) -> bool:
    """Whether a close of the position works, or waits for its protection to end."""
    return book.working(symbol).closes > 0


def overdue(
    book: Book, bare: Mapping[Symbol, Bare], limits: AccountLimits, now: Instant
) -> Iterator[BreakFound]:
    """A break for each symbol that has been bare for longer than is permitted, and that no close works on.

    What no entry of ours made has no plan that anybody could act on: that is a break at once.
    """
    for symbol, clock in bare.items():
        tenure = book.tenure(symbol)
        is_orphan = tenure is None or tenure.entry is None
        permitted = 0 if is_orphan else limits.unprotected_seconds_max * SECOND
        if not clock.is_told and now - clock.since > permitted and not is_closing(book, symbol):
            yield BreakFound(found=_break(book, symbol, clock, limits, is_orphan=is_orphan))


def _break(book: Book, symbol: Symbol, clock: Bare, limits: AccountLimits, *, is_orphan: bool) -> Break:
    held, left = book.position(symbol), bare_units(book, symbol)
    why = (
        "no entry of ours made it, so no exit plan is known"
        if is_orphan
        else f"at most {limits.unprotected_seconds_max} s are permitted"
    )
    return Break(
        kind=BreakKind.UNPROTECTED,
        ours=f"{held:f} held",
        theirs=f"{abs(held) - left:f} protected",
        sentence=f"of {held:f} {symbol} no stop has faced {left:f} at the broker since "
        f"{rfc3339(clock.since)}; {why}. Protect it by hand, or close it",
        symbol=symbol,
    )
