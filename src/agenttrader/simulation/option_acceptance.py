"""Whether the venue takes an order in options: what is asked besides what every order is.

level · not expired by the end of the session · the shares have a price · no call uncovered · own cash. The
first that does not hold is the refusal. Sources: docs.alpaca.markets, "Options Trading" (levels, validations:
whole contracts, day or gtc, no extended hours) and "Options Level 3 Trading" (largest loss).
"""

from collections.abc import Sequence

from msgspec import Struct

from agenttrader.model.times import Instant
from agenttrader.simulation.books import Books
from agenttrader.simulation.contracts import CONTRACT_SIZE, OptionContract, Right
from agenttrader.simulation.inputs import OPTIONS_LEVEL_MAX, AccountOpening
from agenttrader.simulation.listings import DOLLAR, Listing, money
from agenttrader.simulation.option_risk import Exposure, Package
from agenttrader.simulation.orders import Intent, Reason, Refusal, Side, VenueOrder
from agenttrader.simulation.sessions import Sessions

BUYING_LEVEL = 2


class Part(Struct, frozen=True, gc=False):
    """One option of an order: so many lots, and what they are to do with the holding."""

    listing: Listing
    contract: OptionContract
    intent: Intent
    lots: int


def intent_of(books: Books, account: str, symbol: str, side: Side) -> Intent:
    """What an order of this side would do with the holding."""
    opens = books.opens(account, symbol, side)
    if side is Side.BUY:
        return Intent.BUY_TO_OPEN if opens else Intent.BUY_TO_CLOSE
    return Intent.SELL_TO_OPEN if opens else Intent.SELL_TO_CLOSE


def options_fault(
    books: Books,
    account: AccountOpening,
    parts: Sequence[Part],
    limit_femtos: int | None,
    sessions: Sessions,
    clock: Instant,
) -> Refusal | None:
    """Why the account cannot have these options; `limit_femtos` is what it pays at most, if it says so."""
    fault = _level_fault(books, account, parts)
    if fault is not None:
        return _refused(Reason.FORBIDDEN, fault)
    close, underlying = sessions.next_close(clock), parts[0].contract.underlying
    if close is None:
        return _refused(Reason.UNPROCESSABLE, "no session is known that such an order could trade in")
    day = sessions.date_of_close(close)
    for part in parts:
        if part.contract.expiration < day:
            return _refused(Reason.UNPROCESSABLE, f"{part.listing.symbol} has expired before {day}")
    if underlying not in books.marks:
        return _refused(Reason.UNPROCESSABLE, f"{underlying} has no price yet; wait for a bar")
    paid = limit_femtos
    if paid is None:
        paid = books.options.to_pay((each.listing.symbol, each.intent.side, each.lots) for each in parts)
    if paid is None:
        symbols = ", ".join(each.listing.symbol for each in parts)
        return _refused(Reason.UNPROCESSABLE, f"no quote to trade at yet for {symbols}; send a limit order")
    exposures = tuple(Exposure(each.contract, each.lots * each.intent.side.sign) for each in parts)
    return _power_fault(books, account.name, underlying, Package(exposures, paid))


def replaced_option_fault(books: Books, order: VenueOrder, changed: VenueOrder) -> Refusal | None:
    """Why an order in one option cannot become another: what it would be more is asked as a new order is."""
    listing, intent, account = books.listings[order.symbol], order.intent, books.accounts[order.account]
    assert listing.contract is not None
    assert intent is not None
    more = changed.leaves - order.leaves
    fault = _level_fault(books, account, (Part(listing, listing.contract, intent, max(more, 0)),))
    if fault is not None:
        return _refused(Reason.FORBIDDEN, fault)
    if changed.limit is not None:
        paid: int | None = listing.notional(changed.limit * order.side.sign, changed.leaves)
    else:
        paid = books.options.to_pay([(order.symbol, order.side, changed.leaves)])
    assert paid is not None, "there was a quote when the order came"
    wanted = Package((Exposure(listing.contract, changed.leaves * order.side.sign),), paid)
    return _power_fault(books, account.name, listing.contract.underlying, wanted, order.id)


def _level_fault(books: Books, account: AccountOpening, parts: Sequence[Part]) -> str | None:
    """What the account's level does not allow; below 3, what is sold stands by itself."""
    level = account.options_level
    if level == 0:
        return "account not eligible to trade options"
    if level == OPTIONS_LEVEL_MAX:
        return None
    if len(parts) > 1:
        return f"account not eligible for multi-leg orders: expected options level 3, found {level}"
    (part,) = parts
    if part.intent is Intent.BUY_TO_OPEN and level < BUYING_LEVEL:
        return f"account not eligible to buy options: expected options level 2, found {level}"
    if part.intent is not Intent.SELL_TO_OPEN:
        return None
    contract, name = part.contract, account.name
    if contract.right is Right.PUT:
        needed = contract.strike_thousandths * DOLLAR // 1_000 * CONTRACT_SIZE * part.lots
        power = books.non_marginable_buying_power(name)
        if needed > power:
            return f"insufficient buying power (required: {money(needed)}, available: {money(power)})"
        return None
    shares = books.listings[contract.underlying].lots_of_whole(CONTRACT_SIZE * part.lots)
    if books.ledger.lots(name, contract.underlying) < 0 or shares > books.available(
        name, contract.underlying
    ):
        return UNCOVERED
    return None


UNCOVERED = "account not eligible to trade uncovered option contracts"
"""As users report it: no page of Alpaca's that we found has the text."""


def _power_fault(
    books: Books, account: str, underlying: str, wanted: Package, instead_of: str | None = None
) -> Refusal | None:
    if books.options.uncovered(account, underlying, wanted, instead_of):
        return _refused(Reason.FORBIDDEN, UNCOVERED)
    needed, power = (
        books.options.more(account, underlying, wanted, instead_of),
        books.non_marginable_buying_power(account),
    )
    if needed <= 0 or needed <= power:
        return None
    return _refused(
        Reason.FORBIDDEN,
        f"insufficient options buying power (required: {money(needed)}, available: {money(power)})",
    )


def _refused(reason: Reason, message: str) -> Refusal:
    return Refusal(reason=reason, message=message)
