"""Whether the order is what it says, of a sane size and price, and knows how it will be left."""

from decimal import Decimal

from agenttrader.gateway.checks.case import Case
from agenttrader.gateway.checks.shape import protection_can_rest
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import CryptoPair
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Role, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO, is_on_step

# Bound once: on Python 3.11 reading a member from its enumeration costs half of what a check does.
_OPEN, _BUY, _MARKET = Effect.OPEN, Side.BUY, OrderType.MARKET
_DAY, _OPG, _STOP_ROLE = TimeInForce.DAY, TimeInForce.OPG, Role.STOP
_PROTECTION = frozenset({Role.STOP, Role.TARGET})
_GTC_OR_AT_ONCE = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
# Results without numbers are made once.
_LONG = Check("shorting", "long", "long", passed=True)
_MEETS_NONE = Check("self_match", "none of ours", "none of ours", passed=True)
_DOES_NOT_REST = Check("order_lifetime", "does not rest", "does not rest", passed=True)
_HAS_STOP = Check("exit_plan", "a stop", "a stop", passed=True)
_NO_STOP = Check("stop_price", "no stop", "no stop", passed=True)
_NO_TARGET = Check("target_price", "no target", "no target", passed=True)


def order_really_opens(case: Case) -> Check:
    """What says that it opens goes against no position, no working entry, and no entry's protection.

    Observed is the signed position. Of two entries of opposite sides that both fill, nothing is left but
    their protection, and that would open what nothing protects.
    """
    position, quantity = case.leg.position, case.leg.quantity
    if position is None:
        return Check("opens", None, None, passed=False)
    permitted = "long or flat" if quantity > ZERO else "short or flat"
    if case.leg.opposed:
        observed = f"{position:f} with an entry or its protection the other way"
        return Check("opens", observed, f"{permitted} without one", passed=False)
    return Check("opens", position, permitted, position * quantity >= ZERO)


def order_meets_none_of_ours(case: Case) -> Check:
    """The entry would not trade with an order of our own that rests.

    Observed is what it may trade at: its limit, else the worse of mark and trigger; of several legs, the mark
    of each. An entry that rests the other way is found by `opens`; here it is what leaves a position.
    """
    facing, buys = case.leg.facing, case.leg.quantity > ZERO
    if not facing:
        return _MEETS_NONE
    price = _reach(case, buys=buys)
    if price is None:
        return Check("self_match", None, facing[0], passed=False)
    apart = price < facing[0] if buys else price > facing[0]
    permitted = f"{'below' if buys else 'above'} {facing[0]:f}"
    return Check("self_match", price, permitted, price.is_finite() and apart)


def _reach(case: Case, *, buys: bool) -> Decimal | None:
    if len(case.proposal.legs) > 1:
        return None if case.leg.mark is None else case.leg.mark.price
    if case.proposal.limit_price is not None:
        return case.proposal.limit_price
    return case.high if buys else case.low


def order_really_reduces(case: Case) -> Check:
    """What says that it reduces goes against a position, and no further than to flat."""
    position, reducible, quantity = case.leg.position, case.leg.reducible, case.leg.quantity
    if position is None or reducible is None or not reducible.is_finite():
        return Check("reduces", None, None, passed=False)
    permitted = reducible if position * quantity < ZERO else ZERO
    return Check("reduces", case.more, permitted, case.more <= permitted)


def close_leaves_nothing_bare(case: Case) -> Check:
    """A close takes the whole position, or a part of what an exits unit protects again; at the market.

    Its protection is canceled first, so what it left, or let rest, would be bare.
    """
    reducible = case.leg.reducible
    if reducible is None:
        return Check("whole", None, None, passed=False)
    kind, quantity = case.proposal.type, case.units
    may_leave = case.snapshot.exits_unit and case.leg.planned
    is_permitted = quantity <= reducible if may_leave else quantity == reducible
    permitted = f"{'at most ' if may_leave else ''}{reducible} at market"
    return Check("whole", f"{quantity} at {kind.value}", permitted, kind is _MARKET and is_permitted)


def direction_is_permitted(case: Case) -> Check:
    """The order opens a long position, or the symbol may be sold short. Coins and fractions never may."""
    quantity = case.leg.quantity
    if quantity > ZERO:
        return _LONG
    can_be = not isinstance(case.leg.instrument, CryptoPair) and quantity == quantity.to_integral_value()
    permitted = can_be and case.symbol_limits is not None and case.symbol_limits.shorting_permitted
    return Check("shorting", "short", "long or short" if permitted else "long", permitted)


def prices_are_on_tick(case: Case) -> Check:
    """Every price of the order and its plan is a multiple of the tick; of several legs, of the finest."""
    tick, plan = case.tick, case.proposal.exit_plan
    if tick is None:
        return Check("tick", None, None, passed=False)
    planned = () if plan is None else (plan.stop, plan.target, plan.trail)
    own = case.proposal
    for price in (own.limit_price, own.stop_price, own.trail_price, *planned):
        if price is not None and price % tick:
            return Check("tick", price, tick, passed=False)
    return Check("tick", "on tick", tick, passed=True)


def quantity_is_on_lot(case: Case) -> Check:
    """The quantity is a multiple of the lot."""
    instrument, units = case.leg.instrument, case.units
    if instrument is None:
        return Check("lot", None, None, passed=False)
    return Check("lot", units, instrument.lot, is_on_step(units, instrument.lot))


def quantity_is_within_limit(case: Case) -> Check:
    """The order is not larger than the symbol's largest."""
    units, limits = case.units, case.symbol_limits
    if limits is None:
        return Check("order_quantity", units, None, passed=False)
    return Check("order_quantity", units, limits.order_quantity_max, units <= limits.order_quantity_max)


def notional_is_within_limit(case: Case) -> Check:
    """The order costs no more than the symbol's dearest, at the worse of mark and its own price."""
    notional, limits = case.notional, case.symbol_limits
    if notional is None or limits is None:
        return Check("order_notional", notional, limits and limits.order_notional_max, passed=False)
    return Check("order_notional", notional, limits.order_notional_max, notional <= limits.order_notional_max)


def price_is_within_collar(case: Case) -> Check:
    """No price of the order, nor the one that its agent decided on, lies too far from the mark.

    Observed is the largest distance. Permitted is the symbol's fraction of the mark; of several legs, that
    fraction of their marks added up. An order that reduces has the wider collar, and what rests to protect
    is held to it only by a limit at which it would trade at once: far away it trades late, not dearly.
    """
    mark, limits, proposal = case.net_mark, case.symbol_limits, case.proposal
    if mark is None or limits is None:
        return Check("price_collar", None, None, passed=False)
    distance = abs(proposal.decision_price - mark)
    if case.stated:
        distance = max(distance, _farthest(case, mark))
    opens = proposal.effect is _OPEN
    fraction = limits.price_collar_fraction_max if opens else limits.reducing_price_collar_fraction_max
    permitted = (abs(mark) if len(proposal.legs) == 1 else _gross_mark(case)) * fraction
    return Check("price_collar", distance, permitted, distance <= permitted)


def _farthest(case: Case, mark: Decimal) -> Decimal:
    """How far from the mark the order's own prices lie, those that a collar is for."""
    proposal = case.proposal
    if proposal.role in _PROTECTION:
        limit = proposal.limit_price
        return ZERO if limit is None else max(ZERO, proposal.side.sign * (limit - mark))
    return max([abs(price - mark) for price in case.stated])


def _gross_mark(case: Case) -> Decimal:
    """The legs' marks added up without their signs: a net price near 0 says nothing of what is traded."""
    legs = zip(case.proposal.legs, case.snapshot.legs, strict=True)
    return sum((view.mark.price * abs(leg.ratio) for leg, view in legs if view.mark is not None), ZERO)


def order_ends_within_its_window(case: Case) -> Check:
    """What rests can rest to the close, or to the end of the hours that it trades in, within the window.

    What trades at once or not at all does not rest, nor does a market order in an open session; a GTC order
    outlives its window by its own permission.
    """
    proposal, window, session = case.proposal, case.snapshot.window, case.snapshot.session
    time = proposal.time_in_force
    if time in _GTC_OR_AT_ONCE or (proposal.type is _MARKET and time is _DAY):
        return _DOES_NOT_REST
    if window is None or session is None:
        return Check("order_lifetime", None, None, passed=False)
    end = session.last if proposal.extended_hours else session.open if time is _OPG else session.close
    return Check("order_lifetime", end, window.end, end <= window.end)


def exit_plan_is_present(case: Case) -> Check:
    """The entry says how it will be left: a stop, and a trail above 0 and an end in the future if given."""
    plan = case.proposal.exit_plan
    if plan is None or plan.stop is None:
        return Check("exit_plan", None, "a stop", passed=False)
    fault = _fault_of_plan(plan, case.snapshot.now) or _fault_of_resting(case)
    return Check("exit_plan", fault, "a stop", passed=False) if fault else _HAS_STOP


def _fault_of_plan(plan: ExitPlan, now: Instant | None) -> str:
    if plan.trail is not None and not plan.trail > ZERO:
        return f"a trail of {plan.trail}"
    if plan.until is not None and (now is None or plan.until <= now):
        return "an end that is not in the future"
    if plan.before_close_seconds is not None and plan.before_close_seconds < 1:
        return f"an end {plan.before_close_seconds} s before the close"
    return ""


def _fault_of_resting(case: Case) -> str:
    if case.snapshot.exits_unit or protection_can_rest(case.proposal, case.leg.instrument):
        return ""
    return "no protection that can rest with such an order, and no exits unit places it after the fill"


def stop_is_on_the_losing_side(case: Case) -> Check:
    """The stop that protects a long position lies below mark and order price; a short one's, above both.

    An exit at a stop that the price has passed is none that rests: the broker refuses it.
    """
    proposal = case.proposal
    plan, opens, buys = proposal.exit_plan, proposal.effect is _OPEN, proposal.side is _BUY
    if plan is None and not opens:
        if proposal.role is not _STOP_ROLE:
            return _NO_STOP
        mark = case.net_mark
        stop = proposal.stop_price if mark is None else proposal.trigger(mark) or proposal.stop_price
        return _above("stop_price", stop, mark) if buys else _below("stop_price", stop, mark, case)
    stop = None if plan is None else plan.stop
    if buys is opens:
        return _below("stop_price", stop, case.low, case)
    return _above("stop_price", stop, case.high)


def target_is_on_the_winning_side(case: Case) -> Check:
    """The target of an entry that buys lies above mark and order price; of one that sells, below both."""
    plan = case.proposal.exit_plan
    if plan is None or plan.target is None:
        return _NO_TARGET
    if case.proposal.side is _BUY:
        return _above("target_price", plan.target, case.high)
    return _below("target_price", plan.target, case.low, case)


def _above(code: str, price: Decimal | None, bound: Decimal | None) -> Check:
    """That a price lies above another."""
    if price is None or bound is None:
        return Check(code, price, None, passed=False)
    return Check(code, price, bound, price > bound)


def _below(code: str, price: Decimal | None, bound: Decimal | None, case: Case) -> Check:
    """That a price lies below another; of one leg, above 0 too."""
    if price is None or bound is None:
        return Check(code, price, None, passed=False)
    return Check(code, price, bound, price < bound and (price > ZERO or len(case.proposal.legs) > 1))
