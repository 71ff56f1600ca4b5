"""To exercise an option before its end: all that the account holds of it and no order holds, at once.

an option · held long · the shares, or own cash for them · no call uncovered by it. The first that does not
hold is the refusal. Source: docs.alpaca.markets, "Exercise an Options Position": all that is available, at
once, and the first two refusals. What is asked besides is our own rule, and so is that nobody asks whether it
is in the money.
"""

from agenttrader.model.times import Instant
from agenttrader.simulation.acceptance import refused, shortage_fault
from agenttrader.simulation.books import Books
from agenttrader.simulation.clearing import Clearing
from agenttrader.simulation.contracts import OptionContract
from agenttrader.simulation.listings import money
from agenttrader.simulation.option_acceptance import UNCOVERED
from agenttrader.simulation.option_delivery import brings_shares, cost_of, deliver, end, shares_of
from agenttrader.simulation.option_events import OptionEvent
from agenttrader.simulation.option_risk import Exposure
from agenttrader.simulation.orders import Reason, Refusal


def exercise(clearing: Clearing, account: str, symbol: str, time: Instant) -> Refusal | None:
    """Exercise it; or why it is not."""
    books = clearing.books
    listing = books.listings.get(symbol)
    if listing is None or listing.contract is None:
        return refused(Reason.UNPROCESSABLE, "invalid symbol")
    if books.ledger.lots(account, symbol) < 0:
        return refused(Reason.SHORT_POSITION, "cannot exercise short position")
    lots = books.available(account, symbol)
    if lots <= 0:
        return refused(Reason.FORBIDDEN, "no available position for the specified contract")
    fault = _delivery_fault(clearing, account, listing.contract, lots)
    if fault is not None:
        return fault
    end(clearing, account, listing.contract, lots, OptionEvent.EXERCISED, time)
    deliver(clearing, account, listing.contract, lots, time)
    return None


def _delivery_fault(clearing: Clearing, account: str, contract: OptionContract, lots: int) -> Refusal | None:
    books, share, brings = clearing.books, contract.underlying, brings_shares(contract, lots)
    if not brings:
        fault = _shares_fault(books, account, share, -shares_of(clearing, contract, lots))
        if fault is not None:
            return fault
    more, hundreds = books.options.without(account, share, Exposure(contract, lots))
    needed, power = more + cost_of(clearing, contract, lots), books.unborrowed(account)
    if needed > max(power, 0):
        return refused(
            Reason.FORBIDDEN,
            f"insufficient options buying power (required: {money(needed)}, available: {money(power)})",
        )
    is_short = books.ledger.lots(account, share) < 0
    covered = books.options.hundreds(account, share) + (lots if brings else -lots)
    if hundreds > (0 if is_short else covered):
        return refused(Reason.FORBIDDEN, UNCOVERED)
    return None


def _shares_fault(books: Books, account: str, share: str, shares: int) -> Refusal | None:
    """What a put sells must be held, and by nothing else."""
    listing = books.listings[share]
    if books.ledger.lots(account, share) > 0:
        return shortage_fault(books, account, listing, shares)
    found = f"requested: {listing.quantity(shares)}, available: 0"
    return refused(Reason.FORBIDDEN, f"insufficient qty available for order ({found})")
