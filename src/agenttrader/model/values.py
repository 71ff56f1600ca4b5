"""Prices, quantities and money: finite Decimals, checked once where they enter.

`Price`, `Quantity` and `Money` are names for `Decimal`, not subclasses: arithmetic would lose a subclass, and
encoders refuse it. A value is checked by `exact` (any finite number of sane size) and fitted to an
instrument's step by `on_step`.
No constructor takes a float.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import NewType

from agenttrader.model.errors import BadValue

Price = NewType("Price", Decimal)
"""Currency units per unit of the instrument."""
Quantity = NewType("Quantity", Decimal)
"""Units of the instrument (shares, contracts, coins); unsigned unless a name says *signed*."""
Money = NewType("Money", Decimal)
"""An amount of the account's currency."""

ZERO = Decimal(0)
DECIMALS_MAX = 9
"""No market that we read quotes finer than a nano of its unit; more digits are noise or an attack."""
NANO = Decimal(1).scaleb(-DECIMALS_MAX)
DIGITS_BEFORE_POINT_MAX = 15
NOISE = Decimal("1e-9")
"""A number this near to a step is what a client's float was meant to be (DESIGN 6, Numbers at the edges)."""

SHOWN_CHARACTERS_MAX = 60
"""How much of a refused value its message repeats."""


def exact(value: object, name: str) -> Decimal:
    """`value` as a finite Decimal of sane size; text, int or Decimal.

    Raises BadValue, naming `name`, for floats, bools, NaN, infinities, text that is not plain, and for
    numbers with more than 15 digits before or 9 after the point.
    """
    if type(value) is Decimal and value.is_finite() and _is_of_sane_size(value):
        return value  # by far the most; the rest is for what came from outside, or is refused
    if isinstance(value, str) and not is_plain(value):
        raise BadValue(f"{name}: expected a decimal number, found {_shown(value)}")
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise BadValue(
            f"{name}: expected a decimal number, found {_shown(value)} of type {type(value).__name__}"
        )
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise BadValue(f"{name}: expected a decimal number, found {_shown(value)}") from None
    if not number.is_finite():
        raise BadValue(f"{name}: expected a finite number, found {_shown(value)}")
    if not _is_of_sane_size(number):
        raise BadValue(
            f"{name}: expected at most {DIGITS_BEFORE_POINT_MAX} digits before and {DECIMALS_MAX} after "
            f"the point, found {_shown(value)}"
        )
    return number


def is_plain(text: str) -> bool:
    """Whether it may be a number: without digits of other scripts, underscores and blanks, as Python has."""
    return text.isascii() and bool(text) and "_" not in text and text == text.strip()


def on_step(value: object, step: Decimal, name: str) -> Decimal:
    """`value` as a whole multiple of `step` (a tick or a lot), written with the step's decimals.

    What lies within 1e-9 of a multiple is taken as meant (a client's float noise); anything else raises
    BadValue with the text.
    """
    number = exact(_without_noise(value), name)
    fitted = (number / step).to_integral_value(ROUND_HALF_EVEN) * step
    if abs(fitted - number) > NOISE:
        raise BadValue(
            f"{name}: expected a multiple of {step.normalize():f}, found {_cut(str(value))}; "
            f"the nearest is {fitted:f}"
        )
    return fitted.quantize(step)


def is_on_step(value: Decimal, step: Decimal) -> bool:
    """Whether `value` is exactly a whole multiple of `step`."""
    return not value % step


def _without_noise(value: object) -> object:
    """A long tail of float digits, cut at the noise's place so that `exact` takes what is meant."""
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < DIGITS_BEFORE_POINT_MAX:
        rounded = value.quantize(NANO)
        return rounded if abs(rounded - value) <= NOISE else value
    return value


def _is_of_sane_size(number: Decimal) -> bool:
    # Not by the remainder: that of a number near to nothing underflows to nothing.
    return not number or (number.adjusted() < DIGITS_BEFORE_POINT_MAX and number == number.quantize(NANO))


def _shown(value: object) -> str:
    """The value for a message: short, whatever it is."""
    try:
        return _cut(repr(value))
    except ValueError:  # Python does not write an integer of more than 4300 digits.
        return "an integer of thousands of digits"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"
