"""Orders of several legs: what the broker takes as one, and the steps of their numbers.

It takes two to four options on the same shares, in whole ratios without a common divisor, at a net price
(Alpaca's `mleg`; docs.alpaca.markets, "Options Level 3 Trading"). What it would refuse is refused here.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import gcd
from typing import NamedTuple

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Instrument, Option, Spread
from agenttrader.model.orders import Effect, Leg, Proposal
from agenttrader.model.values import ZERO

LEGS_MIN, LEGS_MAX = 2, 4


class Steps(NamedTuple):
    """The smallest step of an order's price, and of its quantity."""

    tick: Decimal
    lot: Decimal


def steps_of(legs: tuple[Leg, ...], instruments: Mapping[Symbol, Instrument]) -> Steps | None:
    """The steps of one leg or, of several, the finest tick, for a net price, and the coarsest lot.

    None where one of them is not known: the decision denies that, on record. Raises BadValue for several
    that are no such order.
    """
    if len(legs) > 1:
        known = options_of(legs, instruments)
        if known is None:
            return None
        return Steps(min(each.tick for each in known), max(each.lot for each in known))
    instrument = instruments.get(legs[0].symbol)
    if instrument is None or isinstance(instrument, Spread):
        return None
    return Steps(instrument.tick, instrument.lot)


def options_of(legs: tuple[Leg, ...], instruments: Mapping[Symbol, Instrument]) -> tuple[Option, ...] | None:
    """What the legs trade in; None where one of them is not known. Raises BadValue for no such order."""
    if not LEGS_MIN <= len(legs) <= LEGS_MAX:
        raise BadValue(f"legs: expected {LEGS_MIN} to {LEGS_MAX} in an order of several, found {len(legs)}")
    if gcd(*(leg.ratio for leg in legs)) != 1:
        ratios = ", ".join(str(abs(leg.ratio)) for leg in legs)
        raise BadValue(f"legs: expected the smallest whole ratios, found {ratios}")
    found = [instruments.get(leg.symbol) for leg in legs]
    options = tuple(each for each in found if isinstance(each, Option))
    if len(options) < len([each for each in found if each is not None]):
        raise BadValue("legs: expected options alone in an order of several; propose shares by themselves")
    if len({each.underlying for each in options}) > 1:
        raise BadValue("legs: expected options on the same shares in an order of several")
    return options if len(options) == len(legs) else None


def require_leavable(proposal: Proposal) -> None:
    """Raises Unsupported for an entry of several legs: nobody would act on its exit plan.

    Its prices are net prices. No stop rests at one, and the exits unit leaves one symbol at a time.
    """
    if len(proposal.legs) > 1 and proposal.effect is Effect.OPEN:
        raise Unsupported(
            "an order of several legs that opens. No stop can rest for it, and the exits unit leaves one "
            "symbol at a time, so nobody would act on its exit plan. Open each leg by itself; several may be "
            "closed together"
        )


def net_price(legs: tuple[Leg, ...], price_of: Callable[[Symbol], Decimal | None]) -> Decimal | None:
    """What one unit of the legs costs, net; below 0 where it brings something; None without every price."""
    net = ZERO
    for leg in legs:
        price = price_of(leg.symbol)
        if price is None:
            return None
        net += price * leg.ratio
    return net
