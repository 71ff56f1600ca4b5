"""What the venue trades, and the integers that it trades it in.

A price is a whole number of *units* (10 to the minus `decimals`, finer than a tick, because observed prices
need not lie on one), a quantity a whole number of *lots*, cash a whole number of *nanos*. A listing is
refused unless one unit times one lot is a whole number of nanos, so that no product is ever rounded, and
`lots_max` is chosen so that no notional in units times lots leaves a signed 64-bit integer.
"""

from decimal import Decimal
from functools import cached_property

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact, on_step

NANO = 1_000_000_000
CENT = NANO // 100
INT64_MAX = 2**63 - 1
PRICE_MAX = 1_000_000
"""Currency units; the dearest share of the world costs less."""
_PRICE_MAX = Decimal(PRICE_MAX)
DECIMALS = 6
"""Exchanges print in hundredths of a cent; two more digits hold every average that is reported as a price."""


class Listing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One symbol: the steps that bind orders, and how fine observed prices may be."""

    symbol: str
    tick: Decimal
    lot: Decimal
    decimals: int = DECIMALS

    def __post_init__(self) -> None:
        if self.decimals < 0 or self.lots_max < 1:
            raise BadValue(
                f"{self.symbol}.decimals: expected from 0 to as many as let one lot at {PRICE_MAX} fit "
                f"64 bits, found {self.decimals}"
            )
        for name in ("tick", "lot"):
            if exact(getattr(self, name), f"{self.symbol}.{name}") <= 0:
                raise BadValue(
                    f"{self.symbol}.{name}: expected a number above 0, found {getattr(self, name)}"
                )
        if self.tick % self._unit != 0:
            raise BadValue(f"{self.symbol}.tick: expected a multiple of {self._unit}, found {self.tick}")
        if (self._unit * self.lot * NANO) % 1 != 0:
            raise BadValue(
                f"{self.symbol}.lot: expected a lot whose value at a price of {self._unit} is a whole number "
                f"of 0.000000001, found {self.lot}; list the symbol with fewer decimals"
            )

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
    def _nanos(self) -> int:
        """Nanos of cash in one unit of price times one lot."""
        return int(self._unit * self.lot * NANO)

    @cached_property
    def lots_max(self) -> int:
        """The largest order: at the highest price its notional still fits a signed 64-bit integer."""
        return INT64_MAX // (PRICE_MAX * self._scale)

    @cached_property
    def _lot_nanos(self) -> int:
        return nanos_of(self.lot, "lot")

    @cached_property
    def _quantity_max(self) -> Decimal:
        return self.quantity(self.lots_max)

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
        units = _steps(price, self._unit, _PRICE_MAX)
        if units is None or units % self._tick_units:
            return self.units(on_step(price, self.tick, name), name)  # what is left is noise, or refused
        return units

    def order_lots(self, quantity: Decimal, name: str) -> int:
        """An order's quantity in lots. Raises BadValue unless it lies on a lot, above 0 and within bounds."""
        lots = _steps(quantity, self.lot, self._quantity_max)
        if lots is None:
            lots = _steps(on_step(quantity, self.lot, name), self.lot, self._quantity_max)
        if lots is None:
            raise BadValue(f"{name}: expected above 0 and at most {self._quantity_max}, found {quantity}")
        return lots

    def price(self, units: int) -> Decimal:
        """A price as people write it: with the tick's decimals, and more only between ticks."""
        price = units * self._unit
        return price.quantize(self.tick) if units % self._tick_units == 0 else price.normalize()

    def nanos_of_quantity(self, lots: int) -> int:
        """A quantity in nanos of a share."""
        return lots * self._lot_nanos

    def quantity(self, lots: int) -> Decimal:
        """A quantity as people write it."""
        return lots * self.lot

    def notional(self, units: int, lots: int) -> int:
        """Nanos of cash that `lots` at `units` are worth; exact."""
        return units * lots * self._nanos

    def average(self, nanos: int, lots: int) -> Decimal:
        """The price at which `lots` are worth `nanos`, to nine decimals."""
        average = (Decimal(nanos) / (NANO * lots * self.lot)).quantize(Decimal("1e-9"))
        on_tick = average.quantize(self.tick)
        return on_tick if on_tick == average else average.normalize()


def _steps(number: Decimal, step: Decimal, most: Decimal) -> int | None:
    """How many steps make the number; None unless they are whole, at least 1, and make at most `most`."""
    if not number.is_finite() or not step <= number <= most:
        return None
    steps, rest = divmod(number, step)
    return None if rest else int(steps)


def money(nanos: int) -> Decimal:
    """Cash as people write it: to the cent, and finer only where it is."""
    amount = Decimal(nanos).scaleb(-9)
    return amount.quantize(Decimal("0.01")) if nanos % CENT == 0 else amount.normalize()


def nanos_of(amount: Decimal, name: str) -> int:
    """Cash in nanos. Raises BadValue for what is finer, not finite or too large."""
    return int(exact(amount, name) * NANO)
