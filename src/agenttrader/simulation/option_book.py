"""How options are quoted where nobody quotes them: from the last price of their shares, by one stated rule.

    value = (x + √(x² + w²)) / 2     x: what exercise would bring now; below 0 where it would cost
    w = 0.8 × volatility × price of the shares × √(days that are left / 365)

- All of it is our own rule, and exact: whole numbers and one whole root, the same on every machine.
- Half of w is what is paid at the money for the time that is left: 0.4 × volatility × price × √time, as Black
  and Scholes have it there (Brenner and Subrahmanyam, 1988); elsewhere options are dearer than theirs. There
  is no interest and no dividend, and every hour counts, of nights and holidays too.
- A call and a put at one strike differ by the price less the strike, calls at dearer strikes are cheaper, and
  of three strikes the middle one is never dearer than the others together: no package wins for certain.
- Bid and ask lie `spread` of the value apart, each on its step, the bid rounded down and the ask up. What
  would be bid less than a step has no bid. The size is the same on both sides, and anew with each quote.
- It quotes when the market has said everything up to a time, at the end of each share's last bar. From its
  close on an option has no quotes any more.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import isqrt

from agenttrader.model.times import SECOND, Instant
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.listings import BILLION, DEAR_OPTION, DOLLAR, PRICE_MAX, Listing
from agenttrader.simulation.quotes import Offer, Quote, QuoteRule

_YEAR = 365 * 24 * 60 * 60 * SECOND
_MILLION = 10**6


class OptionBook:
    """What has traded since the last quotes, and the options that are quoted by it."""

    def __init__(
        self, listings: Iterable[Listing], rules: Iterable[QuoteRule], closes: Mapping[str, Instant]
    ) -> None:
        """`closes` are those of the days on which options expire."""
        self._rules = {rule.underlying: rule for rule in rules}
        self._ends: dict[str, list[tuple[Listing, OptionContract, Instant]]] = {}
        for listing in listings:
            contract = listing.contract
            if contract is not None and contract.underlying in self._rules:
                of_share = self._ends.setdefault(contract.underlying, [])
                of_share.append((listing, contract, closes[contract.expiration]))
        self._traded: dict[str, tuple[Instant, int]] = {}

    def note(self, symbol: str, time: Instant, femtos: int) -> None:
        """A share traded at so much up to `time`."""
        if symbol in self._rules:
            self._traded[symbol] = (time, femtos)

    def quotes(self, until: Instant) -> Iterator[tuple[str, Quote]]:
        """What follows, by symbol, from all that traded up to `until` since it was asked; oldest first."""
        due = sorted((time, symbol) for symbol, (time, _) in self._traded.items() if time <= until)
        for time, symbol in due:
            _, femtos = self._traded.pop(symbol)
            for listing, contract, end in self._ends.get(symbol, ()):
                if time < end:
                    millionths = femtos * _MILLION // DOLLAR
                    yield (
                        listing.symbol,
                        quote_by(self._rules[symbol], listing, contract, millionths, time, end),
                    )


def quote_by(
    rule: QuoteRule, listing: Listing, contract: OptionContract, price: int, time: Instant, end: Instant
) -> Quote:
    """The quote at `time` of an option that ends at `end`, where its shares cost `price` in millionths."""
    twice = twice_value(rule, contract, price, end - time)
    half = rule.spread_billionths
    bid = twice * (2 * BILLION - half) // (4 * BILLION)
    ask = -(-twice * (2 * BILLION + half) // (4 * BILLION))
    return Quote(
        time,
        _offer(listing, bid - bid % _step(listing, contract, bid), rule.size),
        _offer(listing, ask + -ask % _step(listing, contract, ask), rule.size),
    )


def twice_value(rule: QuoteRule, contract: OptionContract, price: int, left: int) -> int:
    """Twice what one share's part of an option is worth, in millionths, with so many nanoseconds left."""
    gain = price - contract.strike_thousandths * (_MILLION // 1_000)
    signed = gain if contract.right is Right.CALL else -gain
    moved = 8 * rule.volatility_billionths * price
    width_squared = moved * moved * left // (100 * BILLION * BILLION * _YEAR)
    return signed + isqrt(signed * signed + width_squared)


def _step(listing: Listing, contract: OptionContract, millionths: int) -> int:
    """The step of a price, in millionths."""
    step = contract.dear_tick if millionths >= DEAR_OPTION * _MILLION else listing.tick
    return int(step * _MILLION)


def _offer(listing: Listing, millionths: int, size: int) -> Offer | None:
    """None for a price that is none, or beyond every price."""
    if not 0 < millionths <= PRICE_MAX * _MILLION:
        return None
    return Offer(millionths * 10**listing.decimals // _MILLION, size)
