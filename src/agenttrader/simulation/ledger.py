"""The venue's books in double entry: what one holder gains, another gives, in the same entry.

Holders are the accounts and three of the venue's own: BANK (where deposits come from), MARKET (who trades
against every account) and AUTHORITIES (who take the fees). Assets are CASH in femtos and symbols in lots.
Every entry sums to nothing for each asset, so the whole book always does.

An account's cost basis is kept beside the book: what was paid for the lots that it holds, given back in
proportion when some of them go, and nothing when none are left.
"""

from collections import defaultdict
from collections.abc import Set as AbstractSet

from agenttrader.simulation.listings import Listing, round_half_even

BANK = "=bank"
MARKET = "=market"
AUTHORITIES = "=authorities"
CASH = "=cash"


class Ledger:
    """Balances of every holder in every asset, and the cost of what accounts hold."""

    def __init__(self) -> None:
        self.balances: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._costs: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._shorts: defaultdict[str, set[str]] = defaultdict(set)

    def deposit(self, account: str, femtos: int) -> None:
        """Cash from the bank."""
        self._move(BANK, account, CASH, femtos)

    def charge(self, account: str, femtos: int) -> None:
        """A fee, to whom it is due."""
        self._move(account, AUTHORITIES, CASH, femtos)

    def trade(self, account: str, listing: Listing, lots: int, price: int) -> None:
        """`lots` (negative when sold) at `price`, against the market."""
        symbol = listing.symbol
        held = self.lots(account, symbol)
        self._move(MARKET, account, symbol, lots)
        paid = listing.notional(price, lots)
        self._move(account, MARKET, CASH, paid)
        cost = self.cost(account, symbol)
        left = held + lots
        if held * lots >= 0:
            cost += paid
        elif held * left > 0:
            cost = round_half_even(cost * left, held)
        else:
            cost = listing.notional(price, left)
        self._costs[account][symbol] = cost
        if left < 0:
            self._shorts[account].add(symbol)
        else:
            self._shorts[account].discard(symbol)

    def cash(self, account: str) -> int:
        """Femtos; negative where a gap made a purchase dearer than what was set aside for it."""
        return self.balances[account][CASH]

    def lots(self, account: str, symbol: str) -> int:
        """What the account holds; negative when short."""
        return self.balances[account].get(symbol, 0)

    def cost(self, account: str, symbol: str) -> int:
        """Femtos paid for what the account holds; negative when short: what it was paid."""
        return self._costs[account].get(symbol, 0)

    def symbols(self, account: str) -> list[str]:
        """What the account holds anything of, by name."""
        return sorted(asset for asset, lots in self.balances[account].items() if asset != CASH and lots)

    def shorts(self, account: str) -> AbstractSet[str]:
        """What the account is short of."""
        return self._shorts[account]

    def _move(self, giver: str, taker: str, asset: str, amount: int) -> None:
        self.balances[giver][asset] -= amount
        self.balances[taker][asset] += amount
