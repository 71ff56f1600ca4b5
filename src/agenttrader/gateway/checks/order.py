"""Whether the order is what it says, of a sane size and price, and knows how it will be left."""

from decimal import Decimal

from agenttrader.gateway.checks.legs import each_leg, net_mark, notional_of, stated_price
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO, is_on_step


@each_leg
def order_really_opens(leg: LegView, *_: object) -> Check:
    """What says that it opens does not go against a position. Observed is the signed position."""
    if leg.position is None:
        return Check("opens", None, None, passed=False)
    permitted = "long or flat" if leg.quantity > 0 else "short or flat"
    return Check("opens", leg.position, permitted, leg.position * leg.quantity >= 0)


@each_leg
def order_really_reduces(leg: LegView, *_: object) -> Check:
    """What says that it reduces goes against a position, and no further than to flat."""
    if leg.position is None or leg.reducible is None:
        return Check("reduces", None, None, passed=False)
    permitted = leg.reducible if leg.position * leg.quantity < 0 else ZERO
    return Check("reduces", abs(leg.quantity), permitted, abs(leg.quantity) <= permitted)


@each_leg
def direction_is_permitted(leg: LegView, limits: Limits, *_: object) -> Check:
    """The order opens a long position, or the symbol may be sold short."""
    if leg.quantity > 0:
        return Check("shorting", "long", "long", passed=True)
    bounds = limits.symbol.get(leg.symbol)
    permitted = bounds is not None and bounds.shorting_permitted
    return Check("shorting", "short", "long or short" if permitted else "long", permitted)


def prices_are_on_tick(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """Every price of the order and its plan is a multiple of the tick; of several legs, of the finest."""
    ticks = [leg.instrument.tick for leg in snapshot.legs if leg.instrument is not None]
    if len(ticks) < len(snapshot.legs):
        return Check("tick", None, None, passed=False)
    tick = min(ticks)
    off = next((price for price in _prices(proposal) if not is_on_step(price, tick)), None)
    return Check("tick", "on tick" if off is None else off, tick, off is None)


def _prices(proposal: Proposal) -> list[Decimal]:
    """Every price that the order or its plan states."""
    plan = proposal.exit_plan
    stated = [proposal.limit_price, proposal.stop_price]
    if plan is not None:
        stated += [plan.stop, plan.target, plan.trail]
    return [price for price in stated if price is not None]


@each_leg
def quantity_is_on_lot(leg: LegView, *_: object) -> Check:
    """The quantity is a multiple of the lot."""
    if leg.instrument is None:
        return Check("lot", None, None, passed=False)
    lot = leg.instrument.lot
    return Check("lot", abs(leg.quantity), lot, is_on_step(leg.quantity, lot))


@each_leg
def quantity_is_within_limit(leg: LegView, limits: Limits, *_: object) -> Check:
    """The order is not larger than the symbol's largest."""
    bounds = limits.symbol.get(leg.symbol)
    quantity = abs(leg.quantity)
    if bounds is None:
        return Check("order_quantity", quantity, None, passed=False)
    permitted = bounds.order_quantity_max
    return Check("order_quantity", quantity, permitted, quantity <= permitted)


@each_leg
def notional_is_within_limit(leg: LegView, limits: Limits, proposal: Proposal, _: Snapshot) -> Check:
    """The order costs no more than the symbol's dearest, at the worse of mark and its own price."""
    bounds = limits.symbol.get(leg.symbol)
    notional = notional_of(proposal, leg)
    if bounds is None or notional is None:
        return Check("order_notional", notional, bounds and bounds.order_notional_max, passed=False)
    permitted = bounds.order_notional_max
    return Check("order_notional", notional, permitted, notional <= permitted)


def price_is_within_collar(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """No price of the order, nor the one that its agent decided on, lies too far from the mark.

    Observed is the largest distance. Permitted is the symbol's fraction of the mark; of several legs, the
    fractions of their marks added up. An order that reduces has the wider collar.
    """
    mark = net_mark(proposal, snapshot)
    permitted = _collar(proposal, snapshot, limits)
    if mark is None or permitted is None:
        return Check("price_collar", None, permitted, passed=False)
    distance = abs(proposal.decision_price - mark)
    stated = stated_price(proposal)
    if stated is not None:
        distance = max(distance, abs(stated - mark))
    return Check("price_collar", distance, permitted, distance <= permitted)


def _collar(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Decimal | None:
    opens = proposal.effect is Effect.OPEN
    total = ZERO
    for leg, view in zip(proposal.legs, snapshot.legs, strict=True):
        bounds = limits.symbol.get(leg.symbol)
        if bounds is None or view.mark is None:
            return None
        fraction = bounds.price_collar_fraction_max if opens else bounds.reducing_price_collar_fraction_max
        total += abs(leg.ratio) * view.mark.price * fraction
    return total


def good_till_canceled_is_permitted(proposal: Proposal, _: Snapshot, limits: Limits) -> Check:
    """The order ends with the day, or its agent may let orders rest."""
    wanted = proposal.time_in_force
    if wanted is TimeInForce.DAY:
        return Check("time_in_force", "day", "day", passed=True)
    bounds = limits.agent.get(proposal.agent)
    permitted = bounds is not None and bounds.gtc_permitted
    return Check("time_in_force", wanted.value, "day or gtc" if permitted else "day", permitted)


def order_ends_within_its_window(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """What rests as a DAY order can rest to the close; the close lies within the window.

    A market order in an open session does not rest; a GTC order outlives its window by its own permission.
    """
    if proposal.type is OrderType.MARKET or proposal.time_in_force is TimeInForce.GTC:
        return Check("order_lifetime", "does not rest", "does not rest", passed=True)
    window, session = snapshot.window, snapshot.session
    if window is None or session is None:
        return Check("order_lifetime", None, None, passed=False)
    return Check("order_lifetime", session.close, window.end, session.close <= window.end)


def exit_plan_is_present(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The entry says how it will be left: a stop, and a trail above 0 and an end in the future if given."""
    plan = proposal.exit_plan
    if plan is None or plan.stop is None:
        return Check("exit_plan", None, "a stop", passed=False)
    fault = _fault_of_plan(plan, snapshot.now)
    return Check("exit_plan", fault or "a stop", "a stop", not fault)


def _fault_of_plan(plan: ExitPlan, now: Instant | None) -> str:
    if plan.trail is not None and not plan.trail > 0:
        return f"a trail of {plan.trail}"
    if plan.until is not None and (now is None or plan.until <= now):
        return "an end that is not in the future"
    return ""


def stop_is_on_the_losing_side(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The stop of an entry that buys lies below mark and order price; of one that sells, above both."""
    stop = proposal.exit_plan.stop if proposal.exit_plan is not None else None
    return _on_side("stop_price", stop, proposal, snapshot, below=proposal.side is Side.BUY)


def target_is_on_the_winning_side(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The target of an entry that buys lies above mark and order price; of one that sells, below both."""
    target = proposal.exit_plan.target if proposal.exit_plan is not None else None
    if target is None:
        return Check("target_price", "no target", "no target", passed=True)
    return _on_side("target_price", target, proposal, snapshot, below=proposal.side is Side.SELL)


def _on_side(
    code: str, price: Decimal | None, proposal: Proposal, snapshot: Snapshot, *, below: bool
) -> Check:
    """Whether a price lies below (or above) both mark and order price; of one leg, above 0 too."""
    mark = net_mark(proposal, snapshot)
    if price is None or mark is None:
        return Check(code, price, None, passed=False)
    stated = stated_price(proposal)
    prices = (mark,) if stated is None else (mark, stated)
    if below:
        bound = min(prices)
        return Check(code, price, bound, price < bound and (price > 0 or len(proposal.legs) > 1))
    bound = max(prices)
    return Check(code, price, bound, price > bound)
