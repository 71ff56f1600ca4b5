"""Orders of several legs: what the broker takes as one, and their numbers on its steps.

It takes two to four options on the same shares, in whole ratios without a common divisor, at a net price
(Alpaca's `mleg`; docs.alpaca.markets, "Options Level 3 Trading"). What it would refuse is refused here.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import gcd

from msgspec.structs import replace

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Instrument, Option
from agenttrader.model.orders import Effect, Leg, Proposal
from agenttrader.model.values import ZERO, on_step

LEGS_MIN, LEGS_MAX = 2, 4


def fit_package(proposal: Proposal, instruments: Mapping[Symbol, Instrument]) -> Proposal:
    """The proposal with its numbers on the finest tick and the coarsest lot of its legs.

    Raises BadValue for what is no order of several, and for numbers that are not on a step. A symbol that is
    not known is left as it is: the decision denies it, on record.
    """
    known = options_of(proposal.legs, instruments)
    if known is None:
        return proposal
    tick, plan = min(each.tick for each in known), proposal.exit_plan

    def price(value: Decimal | None, name: str) -> Decimal | None:
        return None if value is None else on_step(value, tick, name)

    return replace(
        proposal,
        quantity=on_step(proposal.quantity, max(each.lot for each in known), "quantity"),
        limit_price=price(proposal.limit_price, "limit_price"),
        exit_plan=plan
        and replace(
            plan,
            stop=price(plan.stop, "exit_plan.stop"),
            target=price(plan.target, "exit_plan.target"),
            trail=price(plan.trail, "exit_plan.trail"),
        ),
    )


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
