"""How much may be lost by options: pure arithmetic over what is held and what orders may still do.

What options on one underlying are worth at an expiration is a line with kinks at the strikes. An order may
fill or not, so at each price of the shares it counts where it makes things worse, and not where it makes them
better; the sum over all orders is then the worst that any of them together can do, at this price. The worst
price is a strike, or nothing at all, or lies beyond every bound: calls that nothing covers lose without end.

Options that expire earlier cover none that expire later. Source: that spreads need their largest loss and no
more is Alpaca's rule ("Options Level 3 Trading", universal spread rule); the arithmetic is our own.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from agenttrader.simulation.contracts import CONTRACT_SIZE, OptionContract, Right
from agenttrader.simulation.listings import DOLLAR

_THOUSANDTH = DOLLAR // 1_000


class Exposure(Struct, frozen=True, gc=False):
    """Signed contracts of one kind."""

    contract: OptionContract
    lots: int


class Package(Struct, frozen=True, gc=False):
    """What an order does where it fills: exposures that come together, and femtos that are paid for them.

    What is received counts below 0.
    """

    exposures: tuple[Exposure, ...]
    paid: int


def hundreds_needed(held: Sequence[Exposure], pending: Sequence[Package]) -> int:
    """How many hundreds of shares must stand behind calls that no other call covers, at the worst."""
    worst = 0
    for day in _days(held, pending):
        calls = _calls(held, day) + sum(min(_calls(each.exposures, day), 0) for each in pending)
        worst = min(worst, calls)
    return -worst


def largest_loss(held: Sequence[Exposure], pending: Sequence[Package], hundreds: int) -> int:
    """Femtos that can be lost at the worst, with so many hundreds of shares behind the calls."""
    worst = 0
    prices = sorted({0} | {each.contract.strike_thousandths for each in _all(held, pending)})
    for day in _days(held, pending):
        for price in prices:
            gains = _worth(held, day, price) + hundreds * CONTRACT_SIZE * price * _THOUSANDTH
            gains += sum(min(_worth(each.exposures, day, price) - each.paid, 0) for each in pending)
            worst = min(worst, gains)
    return -worst


def need(held: Sequence[Exposure], pending: Sequence[Package], hundreds: int) -> int:
    """Femtos of one's own cash that must stand behind it all: the largest loss, or all that is to be paid."""
    return max(largest_loss(held, pending, hundreds), sum(max(each.paid, 0) for each in pending))


def _all(held: Iterable[Exposure], pending: Iterable[Package]) -> Iterable[Exposure]:
    yield from held
    for package in pending:
        yield from package.exposures


def _days(held: Iterable[Exposure], pending: Iterable[Package]) -> list[str]:
    """The days on which something expires."""
    return sorted({each.contract.expiration for each in _all(held, pending)})


def _calls(exposures: Iterable[Exposure], day: str) -> int:
    """Calls that are left on a day, as they count where the price is beyond every strike."""
    return sum(
        each.lots
        for each in exposures
        if each.contract.right is Right.CALL and each.contract.expiration >= day
    )


def _worth(exposures: Iterable[Exposure], day: str, price_thousandths: int) -> int:
    """Femtos that what is left on a day is worth by its right alone, at a price of the shares."""
    thousandths = sum(
        each.lots * each.contract.intrinsic_thousandths(price_thousandths)
        for each in exposures
        if each.contract.expiration >= day
    )
    return thousandths * CONTRACT_SIZE * _THOUSANDTH
