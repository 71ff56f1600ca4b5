"""The venue's books in double entry: what one holder gains, another gives, in the same entry.

Holders are the accounts and those of the venue's own: BANK (where deposits come from and interest goes),
MARKET (who trades against every account), AUTHORITIES (who take the fees), VENUE (who keeps its part of
coins), LENDERS (of what is short) and ISSUERS (who split shares and pay dividends). Assets are CASH in femtos
and symbols in lots. Every entry sums to nothing for each asset, so the whole book always does.

What happened to each holding is kept beside the book, because its cost follows from all of it: what was paid
for the lots that are held, given back in proportion when some of them go, and nothing when none are left. So
an execution can be taken back, or get another price, as if it had never been otherwise.
"""

from collections import defaultdict
from collections.abc import Set as AbstractSet

from msgspec import Struct

from agenttrader.simulation.listings import Listing, round_half_even

BANK = "=bank"
MARKET = "=market"
AUTHORITIES = "=authorities"
VENUE = "=venue"
LENDERS = "=lenders"
ISSUERS = "=issuers"
CASH = "=cash"


class _Step(Struct, frozen=True, gc=False):
    """What happened to a holding: signed lots at a price, or without one for nothing, or a split of it."""

    lots: int = 0
    price: int | None = None
    execution_id: str = ""
    ratio: tuple[int, int] = (1, 1)


class Holding(Struct, frozen=True, gc=False):
    """Signed lots and what they cost in femtos; negative when short: what was received for them."""

    lots: int = 0
    cost: int = 0


class Ledger:
    """Balances of every holder in every asset, and the cost of what accounts hold."""

    def __init__(self) -> None:
        self.balances: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._costs: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._steps: defaultdict[tuple[str, str], list[_Step]] = defaultdict(list)
        self._shorts: defaultdict[str, set[str]] = defaultdict(set)

    def deposit(self, account: str, femtos: int) -> None:
        """Cash from the bank."""
        self._move(BANK, account, CASH, femtos)

    def charge(self, account: str, femtos: int, to: str = AUTHORITIES) -> None:
        """A fee or interest, to whom it is due."""
        self._move(account, to, CASH, femtos)

    def trade(self, account: str, listing: Listing, lots: int, price: int, execution_id: str) -> None:
        """`lots` (negative when sold) at `price`, against the market."""
        self._move(MARKET, account, listing.symbol, lots)
        self._move(account, MARKET, CASH, listing.notional(price, lots))
        self._take(account, listing, _Step(lots, price, execution_id))

    def bust(self, account: str, listing: Listing, execution_id: str) -> None:
        """Take an execution back, with what the venue kept of it: the holding is what it is without it."""
        symbol = listing.symbol
        steps, place = self._find(account, symbol, execution_id)
        step = steps.pop(place)
        assert step.price is not None
        self._move(MARKET, account, CASH, listing.notional(step.price, step.lots))
        for kept in [step for step in steps if step.execution_id == execution_id]:
            steps.remove(kept)
            self._move(VENUE, account, symbol, -kept.lots)
        self._replay(account, listing)

    def correct(
        self, account: str, listing: Listing, execution_id: str, corrected_id: str, price: int
    ) -> None:
        """Give an execution another price, and its new name."""
        steps, place = self._find(account, listing.symbol, execution_id)
        step = steps[place]
        assert step.price is not None
        self._move(account, MARKET, CASH, listing.notional(price - step.price, step.lots))
        steps[place] = _Step(step.lots, price, corrected_id)
        for number, kept in enumerate(steps):
            if kept.execution_id == execution_id:
                steps[number] = _Step(kept.lots, execution_id=corrected_id)
        self._replay(account, listing)

    def keep(self, account: str, listing: Listing, lots: int, execution_id: str) -> None:
        """Lots that the venue keeps of what an execution bought, for its fee."""
        self._move(account, VENUE, listing.symbol, lots)
        self._take(account, listing, _Step(-lots, execution_id=execution_id))

    def split(self, account: str, listing: Listing, ratio: tuple[int, int]) -> int:
        """Give new lots for old ones, by the ratio of new to old; towards 0. Returns the lots held then."""
        symbol = listing.symbol
        before = self.lots(account, symbol)
        self._take(account, listing, _Step(ratio=ratio))
        after = _whole_part(before, ratio)
        self._move(ISSUERS, account, symbol, after - before)
        return after

    def pay(self, account: str, femtos: int) -> None:
        """A dividend; one that is negative is owed on what is short."""
        self._move(ISSUERS, account, CASH, femtos)

    def settle(self, account: str, femtos: int) -> None:
        """What an option is worth in cash at its end, from the market; owed where it is below 0."""
        self._move(MARKET, account, CASH, femtos)

    def cash(self, account: str) -> int:
        """Femtos; negative where it is borrowed, or a gap made a purchase dearer than what was set aside."""
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

    def _take(self, account: str, listing: Listing, step: _Step) -> None:
        """Note a step, and what the holding is after it."""
        steps = self._steps[account, listing.symbol]
        steps.append(step)
        before = self.lots(account, listing.symbol) - step.lots
        holding = after_step(Holding(before, self.cost(account, listing.symbol)), step, listing)
        self._note(account, listing.symbol, holding)

    def _replay(self, account: str, listing: Listing) -> None:
        """Make the holding what follows from all of its steps."""
        symbol, holding = listing.symbol, Holding()
        for step in self._steps[account, symbol]:
            holding = after_step(holding, step, listing)
        self._move(MARKET, account, symbol, holding.lots - self.lots(account, symbol))
        self._note(account, symbol, holding)

    def _note(self, account: str, symbol: str, holding: Holding) -> None:
        self._costs[account][symbol] = holding.cost
        if holding.lots < 0:
            self._shorts[account].add(symbol)
        else:
            self._shorts[account].discard(symbol)

    def _find(self, account: str, symbol: str, execution_id: str) -> tuple[list[_Step], int]:
        steps = self._steps[account, symbol]
        for place, step in enumerate(steps):
            if step.execution_id == execution_id:
                return steps, place
        raise AssertionError(f"{account} has no execution {execution_id} in {symbol}")

    def _move(self, giver: str, taker: str, asset: str, amount: int) -> None:
        self.balances[giver][asset] -= amount
        self.balances[taker][asset] += amount


def after_step(holding: Holding, step: _Step, listing: Listing) -> Holding:
    """What a holding is after something happened to it."""
    held, cost = holding.lots, holding.cost
    if step.ratio != (1, 1):
        new, old = step.ratio
        after = _whole_part(held, step.ratio)
        return Holding(after, round_half_even(cost * after * old, held * new) if after else 0)
    left = held + step.lots
    if held * step.lots < 0 < held * left:
        return Holding(left, round_half_even(cost * left, held))
    paid = 0 if step.price is None else listing.notional(step.price, step.lots)
    if held * step.lots >= 0:
        return Holding(left, cost + paid)
    return Holding(left, 0 if step.price is None else listing.notional(step.price, left))


def _whole_part(lots: int, ratio: tuple[int, int]) -> int:
    """So many lots times the ratio, towards 0."""
    new, old = ratio
    whole = abs(lots) * new // old
    return whole if lots >= 0 else -whole
