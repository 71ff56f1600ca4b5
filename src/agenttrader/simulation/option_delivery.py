"""What moves where an option is exercised or assigned: its contracts go, shares come or go at its strike."""

from agenttrader.model.times import Instant
from agenttrader.simulation.clearing import Clearing
from agenttrader.simulation.contracts import CONTRACT_SIZE, OptionContract, Right
from agenttrader.simulation.option_events import OptionEvent, OptionPosted


def brings_shares(contract: OptionContract, lots: int) -> bool:
    """Whether shares come to who holds so many signed lots: a call that is long, a put that is short."""
    return (contract.right is Right.CALL) is (lots > 0)


def shares_of(clearing: Clearing, contract: OptionContract, lots: int) -> int:
    """Signed lots of the shares that come for so many signed lots of the contract."""
    listing = clearing.books.listings[contract.underlying]
    shares = listing.lots_of_whole(CONTRACT_SIZE * abs(lots))
    return shares if brings_shares(contract, lots) else -shares


def cost_of(clearing: Clearing, contract: OptionContract, lots: int) -> int:
    """Femtos that the shares cost; below 0 where they go."""
    listing = clearing.books.listings[contract.underlying]
    return listing.notional(listing.units(contract.strike, "strike"), shares_of(clearing, contract, lots))


def end(
    clearing: Clearing, account: str, contract: OptionContract, lots: int, event: OptionEvent, time: Instant
) -> None:
    """Take so many signed lots of a contract out of the holding, for nothing, and say why."""
    sequence, event_id = clearing.numberings[account].next()
    listing = clearing.books.listings[contract.symbol]
    clearing.books.ledger.trade(account, listing, -lots, 0, event_id)
    clearing.activities[account].append(
        OptionPosted(
            id=event_id,
            sequence=sequence,
            time=time,
            account=account,
            event=event,
            symbol=contract.symbol,
            lots=-lots,
        )
    )


def deliver(clearing: Clearing, account: str, contract: OptionContract, lots: int, time: Instant) -> None:
    """Trade the shares at the strike."""
    books = clearing.books
    share = books.listings[contract.underlying]
    held, shares = books.ledger.lots(account, share.symbol), shares_of(clearing, contract, lots)
    strike = share.units(contract.strike, "strike")
    sequence, trade_id = clearing.numberings[account].next()
    books.ledger.trade(account, share, shares, strike, trade_id)
    books.days[account].trade(share, held, shares, strike)
    clearing.activities[account].append(
        OptionPosted(
            id=trade_id,
            sequence=sequence,
            time=time,
            account=account,
            event=OptionEvent.SHARES,
            symbol=share.symbol,
            lots=shares,
            price=strike,
            femtos=-cost_of(clearing, contract, lots),
        )
    )
