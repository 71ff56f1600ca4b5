"""What moved an account's cash or holdings, in Alpaca's words, as clients list it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_never

from msgspec.structs import replace

from agenttrader.app.new_york import day_of
from agenttrader.app.venue.order_lists import DIRECTIONS
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.symbols import position_symbol
from agenttrader.model.errors import BadValue
from agenttrader.model.times import MILLISECOND, SECOND, Instant, rfc3339
from agenttrader.protocols.alpaca_trading import ACTIVITY_TYPES, Activity
from agenttrader.simulation.clearing import COIN_FEE
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.inputs import Activity as VenueActivity
from agenttrader.simulation.inputs import (
    CoinFeePosted,
    DividendPosted,
    FeePosted,
    FillPosted,
    InterestKind,
    InterestPosted,
    SplitPosted,
)
from agenttrader.simulation.listings import Listing, money
from agenttrader.simulation.option_events import OptionEvent, OptionPosted

ACTIVITIES_MAX = 100
_OPTION_WORDS = {
    OptionEvent.EXPIRED: "Option Expiration",
    OptionEvent.EXERCISED: "Option Exercise",
    OptionEvent.ASSIGNED: "Option Assignment",
    OptionEvent.SHARES: "Option Trade",
    OptionEvent.CASH: "Option Cash Settlement",
}
_CATEGORIES = {"trade_activity": frozenset({"FILL"}), "non_trade_activity": ACTIVITY_TYPES - {"FILL"}}


def activities_asked(
    exchange: Exchange, account: str, parameters: Parameters, only: str | None
) -> list[Activity]:
    """The page of activities that is asked for; the newest come first unless told otherwise."""
    types = frozenset({only}) if only is not None else parameters.listed("activity_types") or ACTIVITY_TYPES
    category = parameters.word("category", (*_CATEGORIES, ""), "")
    day, after, until = parameters.day("date"), parameters.time("after"), parameters.time("until")
    direction = parameters.word("direction", DIRECTIONS, "desc")
    size = parameters.count("page_size", ACTIVITIES_MAX, ACTIVITIES_MAX)
    token = parameters.text("page_token")
    parameters.finish()
    for wrong in sorted(types - ACTIVITY_TYPES):
        raise BadValue(f"activity_types: expected types of Alpaca's, found {wrong!r}")
    wanted = types & _CATEGORIES.get(category, ACTIVITY_TYPES)
    found = [
        activity
        for activity in exchange.activities[account]
        if activity_type(activity) in wanted
        and (after is None or activity.time > after)
        and (until is None or activity.time < until)
        and (day is None or day_of(activity.time) == day)
    ]
    if direction == "desc":
        found.reverse()
    start = _after(found, token)
    listings = exchange.books.listings
    return [activity_answer(each, account, listings) for each in found[start : start + size]]


def activity_type(activity: VenueActivity) -> str:
    """Alpaca's word for what kind of activity it is."""
    match activity:
        case FillPosted():
            return "FILL"
        case FeePosted():
            return COIN_FEE if activity.name == COIN_FEE else "FEE"
        case CoinFeePosted():
            return COIN_FEE
        case InterestPosted():
            return "INT"
        case DividendPosted():
            return "DIV"
        case SplitPosted():
            return "SPLIT"
        case OptionPosted():
            return activity.event.value
        case _:
            assert_never(activity)


def activity_answer(activity: VenueActivity, account: str, listings: Mapping[str, Listing]) -> Activity:
    """A fill, whose id ends in its execution id, or what else moved cash or holdings, with its day."""
    if isinstance(activity, FillPosted):
        return _fill(activity, account, listings[activity.order.symbol])
    moved = Activity(
        id=_id(activity),
        activity_type=activity_type(activity),
        account_id=derive_uuid("account", account),
        date=_day(activity.time),
        created_at=rfc3339(activity.time),
        status="executed",
    )
    match activity:
        case FeePosted():
            return replace(moved, net_amount=-money(activity.femtos), **_fee_words(activity, listings))
        case CoinFeePosted():
            listing = listings[activity.order.symbol]
            return replace(
                moved,
                net_amount=Decimal(0),
                symbol=position_symbol(listing),
                qty=-listing.quantity(activity.lots),
                price=listing.price(activity.execution.price),
                description=f"Coin Pair Transaction Fee (Non USD), execution {activity.execution.id}",
            )
        case InterestPosted():
            return replace(moved, net_amount=-money(activity.femtos), **_interest_words(activity))
        case DividendPosted():
            listing = listings[activity.symbol]
            return replace(
                moved,
                activity_sub_type="CDIV",
                net_amount=money(activity.femtos),
                symbol=activity.symbol,
                qty=listing.quantity(activity.lots),
                per_share_amount=activity.per_share,
                description=f"Cash dividend of {activity.symbol}",
            )
        case SplitPosted():
            listing = listings[activity.symbol]
            return replace(
                moved,
                activity_sub_type="FSPLIT" if activity.new_rate >= activity.old_rate else "RSPLIT",
                net_amount=money(activity.femtos),
                symbol=activity.symbol,
                qty=listing.quantity(activity.lots_after - activity.lots_before),
                description=f"Split of {activity.symbol}: {activity.new_rate} for {activity.old_rate}",
            )
        case OptionPosted():
            listing, price = listings[activity.symbol], activity.price
            return replace(
                moved,
                net_amount=money(activity.femtos),
                symbol=activity.symbol,
                qty=listing.quantity(activity.lots) if activity.lots else None,
                price=None if price is None else listing.price(price),
                description=_OPTION_WORDS[activity.event],
            )
        case _:
            assert_never(activity)


def _fill(posted: FillPosted, account: str, listing: Listing) -> Activity:
    order, execution = posted.order, posted.execution
    return Activity(
        id=_id(posted),
        activity_type="FILL",
        account_id=derive_uuid("account", account),
        transaction_time=rfc3339(posted.time),
        type="partial_fill" if order.leaves else "fill",
        price=listing.price(execution.price),
        qty=listing.quantity(execution.lots),
        side=order.side.value,
        symbol=order.symbol,
        leaves_qty=listing.quantity(order.leaves),
        cum_qty=listing.quantity(order.filled_lots),
        order_id=order.id,
        order_status=order.status.value,
    )


def _fee_words(fee: FeePosted, listings: Mapping[str, Listing]) -> dict[str, str]:
    """What a fee is for: one execution, which it names, or a day."""
    kind = {} if fee.name == COIN_FEE else {"activity_sub_type": fee.name}
    order, execution = fee.order, fee.execution
    if order is None or execution is None:
        return kind | {"description": f"{fee.name} fee for {_day(fee.time)}"}
    quantity = listings[order.symbol].quantity(execution.lots)
    of = "contracts" if order.is_option else "coins" if listings[order.symbol].is_coin else "shares"
    text = f"{fee.name} fee for proceed of {quantity} {of} of {order.symbol}, execution {execution.id}"
    return kind | {"description": text}


def _interest_words(interest: InterestPosted) -> dict[str, str]:
    """What was borrowed, and for how long."""
    nights = f"{interest.nights} night{'s' if interest.nights != 1 else ''}"
    match interest.kind:
        case InterestKind.MARGIN:
            return {"activity_sub_type": "MGN", "description": f"Margin interest for {nights}"}
        case InterestKind.BORROW:
            assert interest.symbol is not None
            words = f"Borrow fee of {interest.symbol} for {nights}"
            return {"symbol": interest.symbol, "description": words}
        case _:
            assert_never(interest.kind)


def _id(activity: VenueActivity) -> str:
    """`YYYYMMDDhhmmssSSS::UUID`."""
    moment = _moment(activity.time).strftime("%Y%m%d%H%M%S")
    return f"{moment}{activity.time % SECOND // MILLISECOND:03d}::{activity.id}"


def _day(time: Instant) -> str:
    """New York's: a day of trading may end there when it is over elsewhere."""
    return day_of(time).isoformat()


def _moment(time: Instant) -> datetime:
    return datetime.fromtimestamp(time // SECOND, UTC)


def _after(activities: Sequence[VenueActivity], token: str | None) -> int:
    """The place after the activity that `token` names."""
    if token is None:
        return 0
    named = token.partition("::")[2]
    for place, activity in enumerate(activities, start=1):
        if activity.id == named:
            return place
    raise BadValue(f"page_token: expected the id of an activity in this list, found {token!r}")
