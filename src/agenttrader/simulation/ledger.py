"""The venue's books in double entry: what one holder gains, another gives, in the same entry.

Holders are the accounts and three of the venue's own: BANK (where deposits come from), MARKET (who trades
against every account) and AUTHORITIES (who take the fees). Assets are CASH in nanos and symbols in lots.
Every entry sums to nothing for each asset, so the whole book always does.

An account's cost basis is kept beside the book: what was paid for the lots that it holds, given back in
proportion when some of them go, and nothing when none are left.
"""

from collections import defaultdict

from agenttrader.simulation.listings import Listing

BANK = "=bank"
MARKET = "=market"
AUTHORITIES = "=authorities"
CASH = "=cash"


class Ledger:
    """Balances of every holder in every asset, and the cost of what accounts hold."""

    def __init__(self) -> None:
        self.balances: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._costs: dict[tuple[str, str], int] = {}

    def deposit(self, account: str, nanos: int) -> None:
        """Cash from the bank."""
        self._move(BANK, account, CASH, nanos)

    def charge(self, account: str, nanos: int) -> None:
        """A fee, to whom it is due."""
        self._move(account, AUTHORITIES, CASH, nanos)

    def trade(self, account: str, listing: Listing, lots: int, price: int) -> None:
        """`lots` (negative when sold) at `price`, against the market."""
        held = self.lots(account, listing.symbol)
        self._move(MARKET, account, listing.symbol, lots)
        self._move(account, MARKET, CASH, listing.notional(price, lots))
        self._costs[account, listing.symbol] = self._cost_after(account, listing, held, lots, price)

    def cash(self, account: str) -> int:
        """Nanos; negative where a gap made a purchase dearer than what was set aside for it."""
        return self.balances.get((account, CASH), 0)

    def lots(self, account: str, symbol: str) -> int:
        """What the account holds; negative when short."""
        return self.balances.get((account, symbol), 0)

    def cost(self, account: str, symbol: str) -> int:
        """Nanos paid for what the account holds; negative when short: what it was paid."""
        return self._costs.get((account, symbol), 0)

    def symbols(self, account: str) -> list[str]:
        """What the account holds anything of, by name."""
        return sorted(
            asset
            for (holder, asset), lots in self.balances.items()
            if holder == account and asset != CASH and lots
        )

    def _move(self, giver: str, taker: str, asset: str, amount: int) -> None:
        self.balances[giver, asset] -= amount
        self.balances[taker, asset] += amount

    def _cost_after(self, account: str, listing: Listing, held: int, lots: int, price: int) -> int:
        cost = self.cost(account, listing.symbol)
        left = held + lots
        if held * lots >= 0:
            return cost + listing.notional(price, lots)
        if held * left > 0:
            return round_half_even(cost * left, held)
        return listing.notional(price, left)


def round_half_even(numerator: int, denominator: int) -> int:
    """The whole number nearest to the quotient; the even one of two."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * abs(rest)
    if twice > abs(denominator) or (twice == abs(denominator) and whole % 2):
        return whole + 1
    return whole
