"""The end of options: what becomes of them at the close of their last day.

- What is in the money by a cent or more, at the last price of the shares, is exercised by whoever holds it
  and assigned to whoever is short of it; the rest expires worthless.
- It is for shares where they can be: bought where the account's own cash pays for them, sold where it holds
  as many that stand behind nothing. Else it is settled in cash, for what the right alone is worth. Our own
  rule: Alpaca sells out before whoever could not bear it.
- Purchases come before sales, so that the legs of a spread deliver to each other. Our own rule.
- What an option has cost stays with it: shares have the strike for their cost. Our own rule.
"""

from agenttrader.model.times import Instant
from agenttrader.simulation.clearing import Clearing
from agenttrader.simulation.contracts import CONTRACT_SIZE, OptionContract, Right
from agenttrader.simulation.listings import CENT, DOLLAR
from agenttrader.simulation.option_delivery import brings_shares, cost_of, deliver, end, shares_of
from agenttrader.simulation.option_events import OptionEvent, OptionPosted
from agenttrader.simulation.sessions import Sessions


def expire(clearing: Clearing, sessions: Sessions, account: str, session_date: str, time: Instant) -> None:
    """End what ends on a day, or between it and the next session's."""
    ledger, listings = clearing.books.ledger, clearing.books.listings
    following = sessions.date_after(session_date)
    ending = []
    for symbol in ledger.symbols(account):
        contract = listings[symbol].contract
        if contract is not None and _has_ended(contract, session_date, following):
            ending.append(contract)
    ending.sort(key=lambda each: (not brings_shares(each, ledger.lots(account, each.symbol)), each.symbol))
    for contract in ending:
        _end(clearing, account, contract, time)


def _has_ended(contract: OptionContract, session_date: str, following: str | None) -> bool:
    if following is None:
        return contract.expiration <= session_date
    return contract.expiration < following


def _end(clearing: Clearing, account: str, contract: OptionContract, time: Instant) -> None:
    lots, worth = clearing.books.ledger.lots(account, contract.symbol), _worth(clearing, contract)
    if worth < CENT:
        end(clearing, account, contract, lots, OptionEvent.EXPIRED, time)
        return
    event = OptionEvent.EXERCISED if lots > 0 else OptionEvent.ASSIGNED
    end(clearing, account, contract, lots, event, time)
    if _is_deliverable(clearing, account, contract, lots):
        deliver(clearing, account, contract, lots, time)
    else:
        _settle(clearing, account, contract, worth * CONTRACT_SIZE * lots, time)


def _worth(clearing: Clearing, contract: OptionContract) -> int:
    """Femtos that the right alone is worth for one share, at the last price."""
    books = clearing.books
    price = books.listings[contract.underlying].price_femtos(books.marks[contract.underlying])
    gain = price - contract.strike_thousandths * DOLLAR // 1_000
    return max(gain if contract.right is Right.CALL else -gain, 0)


def _is_deliverable(clearing: Clearing, account: str, contract: OptionContract, lots: int) -> bool:
    """Whether the account can pay for the shares, or has them."""
    books, share = clearing.books, contract.underlying
    if brings_shares(contract, lots):
        return cost_of(clearing, contract, lots) <= books.unborrowed(account)
    shares = -shares_of(clearing, contract, lots)
    return books.ledger.lots(account, share) > 0 and shares <= books.available(account, share)


def _settle(clearing: Clearing, account: str, contract: OptionContract, femtos: int, time: Instant) -> None:
    sequence, cash_id = clearing.numberings[account].next()
    clearing.books.ledger.settle(account, femtos)
    clearing.activities[account].append(
        OptionPosted(
            id=cash_id,
            sequence=sequence,
            time=time,
            account=account,
            event=OptionEvent.CASH,
            symbol=contract.symbol,
            femtos=femtos,
        )
    )
