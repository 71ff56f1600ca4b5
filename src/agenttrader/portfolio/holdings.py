"""One position and what it has made: average-cost accounting in exact Decimals."""

from decimal import ROUND_CEILING, Context, Decimal

from msgspec import Struct

from agenttrader.model.values import ZERO

COST_STEP = Decimal("1e-9")
"""The cost that a partial close takes out is rounded here.

What is rounded off stays in the cost, so the sums stay exact.
"""
CENT = Decimal("0.01")
_EXACT = Context(prec=120)
"""Digits enough that a share of a cost is rounded once: with 28 its product alone may be rounded before."""


class Holding:
    """A signed quantity, what it cost, and what closing it has realised.

    `cost` is signed as the quantity: what was paid for a long, minus what was received for a short, in the
    account's currency. `realised` is before fees.
    """

    __slots__ = ("cost", "fees", "multiplier", "quantity", "realised")

    def __init__(self, multiplier: Decimal) -> None:
        self.multiplier = multiplier
        self.quantity = ZERO
        self.cost = ZERO
        self.realised = ZERO
        self.fees = ZERO

    def trade(self, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """Add `quantity` (signed) at `price`.

        What goes against the position closes it first, at average cost.
        """
        held = self.quantity
        value = quantity * price * self.multiplier
        self.fees += fee
        self.quantity = held + quantity
        if held == 0 or (held > 0) == (quantity > 0):
            self.cost += value
            return
        closed = min(abs(quantity), abs(held))
        taken = self.cost if closed == abs(held) else share(self.cost, closed, abs(held))
        proceeds = (
            -value if closed == abs(quantity) else closed * price * self.multiplier * (1 if held > 0 else -1)
        )
        self.realised += proceeds - taken
        self.cost += (value + proceeds) - taken

    def adjust(self, quantity: Decimal, cash: Decimal) -> None:
        """Hold `quantity` (signed) more at the same cost, as after a split.

        `cash`, paid for the part of a unit that was left over, comes off the cost; where nothing is held
        after it, what it did not pay for is realised.
        """
        self.quantity += quantity
        self.cost -= cash
        if not self.quantity:
            self.realised -= self.cost
            self.cost = ZERO

    def average_price(self) -> Decimal:
        """Cost per unit, unsigned; zero when flat."""
        return abs(self.cost / (self.quantity * self.multiplier)) if self.quantity else ZERO

    def value(self, mark: Decimal) -> Decimal:
        """What the position is worth at `mark`; negative for a short."""
        return self.quantity * mark * self.multiplier

    def unrealised(self, mark: Decimal) -> Decimal:
        """What closing at `mark` would realise, before fees."""
        return self.value(mark) - self.cost


def share(cost: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """What `part` of `whole` cost, rounded once, to `COST_STEP`, half to even.

    Rounded twice, a tie could fall to the other side, and two books that agree on every trade would differ.
    """
    return _EXACT.divide(_EXACT.multiply(cost, part), whole).quantize(COST_STEP)


class FeeSchedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The regulatory fees on sells as the broker publishes them.

    They are our estimate until the broker's activities settle them. Each fee is rounded up to the cent per
    execution. Source: Alpaca's page "Regulatory fees".
    """

    sec_rate: Decimal
    """Of the sale's notional (Section 31)."""
    taf_rate: Decimal
    """Per share sold (FINRA trading activity fee)."""
    taf_cap: Decimal
    """At most this much per execution."""

    def on(self, *, sells: bool, quantity: Decimal, price: Decimal) -> Decimal:
        """The fee of one execution, in the account's currency; buys are free."""
        if not sells:
            return ZERO
        sec = (quantity * price * self.sec_rate).quantize(CENT, ROUND_CEILING)
        taf = min(quantity * self.taf_rate, self.taf_cap).quantize(CENT, ROUND_CEILING)
        return sec + taf
