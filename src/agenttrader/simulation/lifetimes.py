"""From when and until when an order may trade, by its time in force and the sessions.

    day          to the close of the session that it can trade in; to the end of the late hours where it may
                 trade then; what is left expires
    gtc          for ninety days, and in an option at most to its end
    ioc, fok     only where it can trade at once; to its first bar, and at most for two minutes
    opg, cls     to the close of the session whose auction it still reaches; what is left is canceled

On a half day all of it goes by the early close, but for the evening: 19:00 is 19:00.

Sources: docs.alpaca.markets, "Placing Orders" (the words, and from when to when an auction's orders are
refused, told for a whole day). What a half day makes of them, that an immediate order is refused while
nothing trades, and its two minutes, are ours.
"""

from msgspec import Struct

from agenttrader.model.times import INSTANT_MAX, MINUTE, Duration, Instant
from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.simulation.matching import IMMEDIATE
from agenttrader.simulation.orders import Reason, Refusal, Status, TimeInForce
from agenttrader.simulation.sessions import Sessions
from agenttrader.simulation.shapes import AUCTIONS

HOUR = Duration(60 * MINUTE)
GTC_LIFE = Duration(90 * 24 * HOUR)
IMMEDIATE_LIFE = Duration(2 * MINUTE)
"""The bar that an immediate order waits for is over by then, where bars are minutes."""
OPG_BEFORE_OPEN = Duration(2 * MINUTE)
CLS_BEFORE_CLOSE = Duration(10 * MINUTE)
"""An auction's orders are refused from so long before it on."""
AUCTIONS_AFTER_OPEN = Duration(9 * HOUR + 30 * MINUTE)
"""So long after the open it is 19:00, when they are taken again, however early the session closed."""


class Lifetime(Struct, frozen=True, kw_only=True, gc=False):
    """An order's status once it is accepted, and when it ends by itself."""

    status: Status
    expires_at: Instant | None


def lifetime(
    sessions: Sessions, listing: Listing, time_in_force: TimeInForce, *, extended_hours: bool, clock: Instant
) -> Lifetime | Refusal:
    """What becomes of such an order that comes at `clock`, or why it cannot."""
    if listing.asset_class is AssetClass.CRYPTO:
        is_immediate = time_in_force in IMMEDIATE
        expires_at = Instant(clock + IMMEDIATE_LIFE) if is_immediate else None
        return Lifetime(status=Status.NEW, expires_at=expires_at)
    if time_in_force in AUCTIONS:
        return _at_auction(sessions, time_in_force, clock)
    trades_now = sessions.is_open(clock) or (extended_hours and sessions.is_extended(clock))
    status = Status.NEW if trades_now else Status.ACCEPTED
    if time_in_force in IMMEDIATE:
        if not trades_now:
            return _refused(f"{time_in_force.value} orders are accepted only while the market is open")
        return Lifetime(status=status, expires_at=Instant(clock + IMMEDIATE_LIFE))
    if time_in_force is TimeInForce.GTC:
        last = None if listing.contract is None else sessions.close_on(listing.contract.expiration)
        return Lifetime(status=status, expires_at=min(Instant(clock + GTC_LIFE), last or INSTANT_MAX))
    ends = sessions.next_day_end(clock) if extended_hours else sessions.next_close(clock)
    return Lifetime(status=status, expires_at=ends) if ends is not None else _no_session()


def expiry_status(time_in_force: TimeInForce) -> Status:
    """What an order becomes when its time is over."""
    return Status.EXPIRED if time_in_force is TimeInForce.DAY else Status.CANCELED


def _at_auction(sessions: Sessions, time_in_force: TimeInForce, clock: Instant) -> Lifetime | Refusal:
    is_open, word = sessions.is_open(clock), time_in_force.value
    last_open, next_open = sessions.last_open(clock), sessions.next_open(clock)
    next_close = sessions.next_close(clock)
    just_closed = not is_open and last_open is not None and clock < last_open + AUCTIONS_AFTER_OPEN
    if next_close is None:
        return _no_session()
    if time_in_force is TimeInForce.OPG:
        late = next_open is not None and clock >= next_open - OPG_BEFORE_OPEN
        too_late = is_open or late
    else:
        too_late = clock >= next_close - CLS_BEFORE_CLOSE
    if too_late or just_closed:
        return _refused(f"{word} orders are not accepted from shortly before their auction to the evening")
    status = Status.NEW if is_open else Status.ACCEPTED
    return Lifetime(status=status, expires_at=next_close)


def _no_session() -> Refusal:
    return _refused("no session is known that such an order could trade in: the venue's calendar has ended")


def _refused(message: str) -> Refusal:
    return Refusal(reason=Reason.UNPROCESSABLE, message=message)
