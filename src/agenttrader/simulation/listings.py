"""What the venue trades, and the integers that it trades it in.

A price is a whole number of *units* (10 to the minus `decimals`, finer than a tick, because observed prices
need not lie on one), a quantity a whole number of *lots*, cash a whole number of *femtos* (10 to the minus 15
of the currency): a price of six decimals times a quantity of nine. A listing is refused unless one unit times
one lot is a whole number of femtos, so that no product is ever rounded. Python's integers have no bound, so
there is none but those of a sane price and quantity.

What is traded in fractions is counted in billionths, whatever its `lot`: the lot then says what a whole order
is a multiple of.
"""

from decimal import Decimal
from functools import cached_property

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact, on_step
from agenttrader.model.words import Word
from agenttrader.simulation.contracts import CONTRACT_SIZE, OptionContract

DOLLAR = 10**15
"""One unit of the account's currency in femtos."""
CENT = DOLLAR // 100
BILLION = 10**9
PRICE_MAX = 1_000_000
"""Currency units; the dearest share of the world costs less."""
QUANTITY_MAX = 10_000_000
"""Shares or coins of one order."""
_PRICE_MAX = Decimal(PRICE_MAX)
_QUANTITY_MAX = Decimal(QUANTITY_MAX)
DECIMALS = 6
"""Exchanges print in hundredths of a cent; two more digits hold every average that is reported as a price."""
DECIMALS_MAX = 9
FRACTION = Decimal("1e-9")
"""The smallest part of a share or coin (docs.alpaca.markets, Fractional Trading)."""
DEAR_OPTION = Decimal(3)
"""From this price on options have their wider step (alpaca.markets, "Options Pricing Increments")."""


class AssetClass(Word):
    """What kind of thing is traded, in Alpaca's words."""

    US_EQUITY = "us_equity"
    CRYPTO = "crypto"
    US_OPTION = "us_option"


class Listing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One symbol: the steps that bind orders, how fine observed prices may be, and what may be done with it.

    `lot` is the smallest whole order; one that is `fractionable` can be had in billionths too. `shortable`
    says that it can be borrowed at all, `easy_to_borrow` that this costs nothing, `marginable` that half of
    its price may be borrowed. An option has a `contract`, whose size every amount of cash counts.
    """

    symbol: str
    tick: Decimal
    lot: Decimal
    decimals: int = DECIMALS
    asset_class: AssetClass = AssetClass.US_EQUITY
    fractionable: bool = False
    shortable: bool = True
    easy_to_borrow: bool = True
    marginable: bool = True
    contract: OptionContract | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= DECIMALS_MAX:
            raise BadValue(
                f"{self.symbol}.decimals: expected from 0 to {DECIMALS_MAX}, found {self.decimals}"
            )
        for name in ("tick", "lot"):
            if exact(getattr(self, name), f"{self.symbol}.{name}") <= 0:
                raise BadValue(
                    f"{self.symbol}.{name}: expected a number above 0, found {getattr(self, name)}"
                )
        if self.tick % self._unit != 0:
            raise BadValue(f"{self.symbol}.tick: expected a multiple of {self._unit}, found {self.tick}")
        if (self._unit * self._step * DOLLAR) % 1 != 0:
            raise BadValue(
                f"{self.symbol}.lot: expected a lot whose value at a price of {self._unit} is a whole number "
                f"of 1e-15, found {self._step}; list the symbol with fewer decimals"
            )
        if self.is_coin and (self.shortable or self.marginable or not self.fractionable):
            raise BadValue(
                f"{self.symbol}: expected a coin to be fractionable, and neither shortable nor marginable, "
                f"found {self.fractionable}, {self.shortable} and {self.marginable}"
            )
        self._expect_option()

    def _expect_option(self) -> None:
        """Raises BadValue for an option without a contract of its name, and for what none can be."""
        if not self.is_option and self.contract is None:
            return
        if not self.is_option or self.contract is None or self.contract.symbol != self.symbol:
            named = None if self.contract is None else self.contract.symbol
            raise BadValue(
                f"{self.symbol}: expected an option, and nothing else, to have a contract of its name, "
                f"found {self.asset_class.value} with {named}"
            )
        if self.fractionable or self.shortable or self.marginable or self.lot != 1:
            raise BadValue(
                f"{self.symbol}: expected an option in lots of 1, and neither fractionable nor shortable nor "
                f"marginable, found {self.lot}, {self.fractionable}, {self.shortable} and {self.marginable}"
            )
        if self.contract.dear_tick % self.tick:
            raise BadValue(
                f"{self.symbol}.dear_tick: expected a multiple of {self.tick}, "
                f"found {self.contract.dear_tick}"
            )

    @property
    def is_option(self) -> bool:
        """Whether it is a contract for a hundred shares."""
        return self.asset_class is AssetClass.US_OPTION

    @property
    def is_coin(self) -> bool:
        """Whether it is a pair of a coin and the account's currency."""
        return self.asset_class is AssetClass.CRYPTO

    @cached_property
    def _scale(self) -> int:
        return int(10**self.decimals)

    @cached_property
    def _unit(self) -> Decimal:
        return Decimal(1) / self._scale

    @cached_property
    def _tick_units(self) -> int:
        return int(self.tick / self._unit)

    @cached_property
    def _step(self) -> Decimal:
        """The quantity of one lot."""
        return FRACTION if self.fractionable else self.lot

    @cached_property
    def _whole_lots(self) -> int:
        return int(self.lot / self._step)

    @cached_property
    def _size(self) -> int:
        """What one lot's price stands for: a hundred shares in an option, else itself."""
        return CONTRACT_SIZE if self.is_option else 1

    @cached_property
    def _femtos(self) -> int:
        """Femtos of cash in one unit of price times one lot."""
        return int(self._unit * self._step * DOLLAR) * self._size

    @cached_property
    def lots_max(self) -> int:
        """The largest order."""
        return int(_QUANTITY_MAX / self._step)

    @cached_property
    def _lot_billionths(self) -> int:
        return int(self._step * BILLION)

    def units(self, price: Decimal, name: str) -> int:
        """An observed price in units. Raises BadValue for one that is not above 0, too fine or too high."""
        units = _steps(price, self._unit, _PRICE_MAX)
        if units is None:
            exact(price, f"{self.symbol}, {name}")
            raise BadValue(
                f"{self.symbol}, {name}: expected a price above 0, at most {PRICE_MAX}, with at most "
                f"{self.decimals} decimals, found {price}"
            )
        return units

    def order_units(self, price: Decimal, name: str) -> int:
        """An order's price in units. Raises BadValue unless it lies on a tick, above 0."""
        if self.contract is not None and price >= DEAR_OPTION:
            return self.units(on_step(price, self.contract.dear_tick, name), name)
        units = _steps(price, self._unit, _PRICE_MAX)
        if units is None or units % self._tick_units:
            return self.units(on_step(price, self.tick, name), name)  # what is left is noise, or refused
        return units

    def net_units(self, price: Decimal, name: str) -> int:
        """A net price in units: paid where above 0, received where below. Raises BadValue off a tick."""
        if not price.is_finite() or abs(price) > _PRICE_MAX:
            raise BadValue(f"{name}: expected a price within {PRICE_MAX} of 0, found {price}")
        return int(on_step(price, self.tick, name) * self._scale)

    def tick_below(self, units: int) -> int:
        """The highest price on a tick that is no higher; one tick at least."""
        return max(units - units % self._tick_units, self._tick_units)

    def tick_above(self, units: int) -> int:
        """The lowest price on a tick that is no lower; one tick at least."""
        return max(units + -units % self._tick_units, self._tick_units)

    def order_lots(self, quantity: Decimal, name: str) -> int:
        """An order's quantity in lots. Raises BadValue unless it lies on a lot, above 0 and within bounds."""
        lots = _steps(quantity, self._step, _QUANTITY_MAX)
        if lots is None:
            lots = _steps(on_step(quantity, self._step, name), self._step, _QUANTITY_MAX)
        if lots is None:
            raise BadValue(f"{name}: expected above 0 and at most {QUANTITY_MAX}, found {quantity}")
        return lots

    def lots_of_whole(self, quantity: int) -> int:
        """So many whole shares in lots."""
        return int(quantity / self._step)

    def whole(self, lots: int) -> int:
        """The most lots, of so many, that are no fraction."""
        return lots - lots % self._whole_lots

    def is_whole(self, lots: int) -> bool:
        """Whether this is no fraction: a multiple of `lot`."""
        return lots == self.whole(lots)

    def lots_worth(self, femtos: int, units: int) -> int:
        """The most lots that so much cash buys at a price."""
        return femtos // (units * self._femtos)

    def price(self, units: int) -> Decimal:
        """A price as people write it: with the tick's decimals, and more only between ticks."""
        price = units * self._unit
        return price.quantize(self.tick) if units % self._tick_units == 0 else _plain(price)

    def price_femtos(self, units: int) -> int:
        """What one share or coin costs."""
        return units * (DOLLAR // self._scale)

    def billionths(self, lots: int) -> int:
        """A quantity in billionths of a share or coin."""
        return lots * self._lot_billionths

    def quantity(self, lots: int) -> Decimal:
        """A quantity as people write it: with the lot's decimals, and more only for a fraction."""
        whole, rest = divmod(lots, self._whole_lots)
        return whole * self.lot if rest == 0 else _plain(lots * self._step)

    def notional(self, units: int, lots: int) -> int:
        """Femtos of cash that `lots` at `units` are worth; exact."""
        return units * lots * self._femtos

    def average(self, femtos: int, lots: int) -> Decimal:
        """The price at which `lots` are worth `femtos`, to nine decimals."""
        average = (Decimal(femtos) / (DOLLAR * lots * self._step * self._size)).quantize(Decimal("1e-9"))
        on_tick = average.quantize(self.tick)
        return on_tick if on_tick == average else _plain(average)


def option_listing(contract: OptionContract, tick: Decimal = Decimal("0.01")) -> Listing:
    """A contract as it is listed."""
    return Listing(
        symbol=contract.symbol,
        tick=tick,
        lot=Decimal(1),
        asset_class=AssetClass.US_OPTION,
        shortable=False,
        easy_to_borrow=False,
        marginable=False,
        contract=contract,
    )


def _plain(number: Decimal) -> Decimal:
    """Without the zeros at its end, and without an exponent."""
    return Decimal(f"{number.normalize():f}")


def _steps(number: Decimal, step: Decimal, most: Decimal) -> int | None:
    """How many steps make the number; None unless they are whole, at least 1, and make at most `most`."""
    if not number.is_finite() or not step <= number <= most:
        return None
    steps, rest = divmod(number, step)
    return None if rest else int(steps)


def money(femtos: int) -> Decimal:
    """Cash as people write it: to the cent, and finer only where it is; exact however large."""
    whole, fraction = divmod(abs(femtos), DOLLAR)
    decimals = f"{fraction:015d}".rstrip("0").ljust(2, "0")
    return Decimal(f"{'-' if femtos < 0 else ''}{whole}.{decimals}")


def femtos_of(amount: Decimal, name: str) -> int:
    """Cash in femtos. Raises BadValue for what has more than nine decimals, is not finite or too large."""
    return int(exact(amount, name) * BILLION) * (DOLLAR // BILLION)


def round_half_even(numerator: int, denominator: int) -> int:
    """The whole number nearest to the quotient; the even one of two."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * abs(rest)
    if twice > abs(denominator) or (twice == abs(denominator) and whole % 2):
        return whole + 1
    return whole
