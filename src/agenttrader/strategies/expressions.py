"""Parameters, and expressions over bars: the words in which a strategy says what it looks at.

On a strategy's class a parameter is its declaration and an expression a rule; on an instance both are values:
what was configured, and the number at the last bar (NaN before the warm-up, after division by zero, and where
an input was missing). Conditions are numbers too: 1 holds, 0 does not, NaN is not known and never a signal.
"""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Generic, NoReturn, TypeVar, overload

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact

T = TypeVar("T", int, float, Decimal)
Number = int | float | Decimal

CONSTANT, INPUT = "constant", "input"
INPUTS = ("open", "high", "low", "close", "volume", "minutes_to_close")
"""What a bar gives; an input's number is its place here."""

_FOLDED: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}


class Operand:
    """What can stand in an expression: a parameter or an expression. Operators make larger expressions."""

    def __add__(self, other: "Operand | Number") -> "Expression":
        return Expression("add", (self, other))

    def __radd__(self, other: Number) -> "Expression":
        return Expression("add", (other, self))

    def __sub__(self, other: "Operand | Number") -> "Expression":
        return Expression("subtract", (self, other))

    def __rsub__(self, other: Number) -> "Expression":
        return Expression("subtract", (other, self))

    def __mul__(self, other: "Operand | Number") -> "Expression":
        return Expression("multiply", (self, other))

    def __rmul__(self, other: Number) -> "Expression":
        return Expression("multiply", (other, self))

    def __truediv__(self, other: "Operand | Number") -> "Expression":
        return Expression("divide", (self, other))

    def __rtruediv__(self, other: Number) -> "Expression":
        return Expression("divide", (other, self))

    def __neg__(self) -> "Expression":
        return Expression("subtract", (0, self))

    def __gt__(self, other: "Operand | Number") -> "Expression":
        return Expression("greater", (self, other))

    def __ge__(self, other: "Operand | Number") -> "Expression":
        return Expression("greater_equal", (self, other))

    def __lt__(self, other: "Operand | Number") -> "Expression":
        return Expression("less", (self, other))

    def __le__(self, other: "Operand | Number") -> "Expression":
        return Expression("less_equal", (self, other))

    def __and__(self, other: "Operand") -> "Expression":
        return Expression("both", (self, other))

    def __or__(self, other: "Operand") -> "Expression":
        return Expression("either", (self, other))

    def __invert__(self) -> "Expression":
        return Expression("negation", (self,))

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "an expression has no truth value before there is a bar: write `a & b`, `a | b`, `~a` for "
            "`a and b`, `a or b`, `not a`, and `(50 < x) & (x < 70)` for `50 < x < 70`"
        )


class Expression(Operand):
    """A rule over bars: a kernel's name, what it works on, and its period if it has one."""

    __slots__ = ("operands", "operation", "parameters")

    def __init__(
        self,
        operation: str,
        operands: tuple[Operand | Number, ...] = (),
        parameters: tuple[Operand | Number, ...] = (),
    ) -> None:
        self.operation = operation
        self.operands = tuple(_expression(operand) for operand in operands)
        self.parameters = parameters

    @overload
    def __get__(self, instance: None, owner: type) -> "Expression": ...
    @overload
    def __get__(self, instance: object, owner: type) -> float: ...
    def __get__(self, instance: Any, owner: type) -> "Expression | float":
        """The rule on the class, its value at the last bar on an instance."""
        if instance is None:
            return self
        value: float = instance.value_of(self)
        return value

    def folded(self, values: Mapping[str, Number]) -> float:
        """The value of an expression over numbers and parameters alone. Raises TypeError for any other."""
        if self.operation == CONSTANT:
            return float(_number(self.parameters[0], values))
        if self.operation not in _FOLDED:
            raise TypeError(f"a period is made of numbers and parameters; {self.operation!r} needs bars")
        left, right = (operand.folded(values) for operand in self.operands)
        return float(_FOLDED[self.operation](left, right))

    def numbers(self, values: Mapping[str, Number]) -> tuple[float, ...]:
        """The kernel's parameters as numbers, with the strategy's parameters at `values`."""
        return tuple(float(_number(parameter, values)) for parameter in self.parameters)


class Param(Operand, Generic[T]):
    """A parameter: an int, a float or a Decimal within `low` and `high`, both included."""

    def __init__(self, default: T, low: T, high: T) -> None:
        if len({type(default), type(low), type(high)}) != 1 or type(default) not in (int, float, Decimal):
            found = f"{default!r}, {low!r}, {high!r}"
            raise TypeError(
                f"Param: expected three numbers of one type (int, float or Decimal), found {found}"
            )
        self.name = ""
        self.default: T = default
        self.low: T = low
        self.high: T = high
        self.read(default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "Param[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        """The declaration on the class, the configured value on an instance."""
        return self if instance is None else instance.parameters[self.name]

    def read(self, value: object) -> T:
        """`value`, a number or its text, as this parameter's type. Raises BadValue, naming the parameter."""
        kind = type(self.default)
        found: Any = exact(_text(value), self.name)
        if kind is int and found != int(found):
            raise BadValue(f"{self.name}: expected a whole number, found {value}")
        if not self.low <= found <= self.high:
            raise BadValue(f"{self.name}: expected {self.low} to {self.high}, found {value}")
        read: T = kind(found)
        return read


def _expression(operand: "Operand | Number") -> Expression:
    if isinstance(operand, Expression):
        return operand
    if isinstance(operand, Param) or (isinstance(operand, Number) and not isinstance(operand, bool)):
        return Expression(CONSTANT, (), (operand,))
    raise TypeError(f"expected an expression, a parameter or a number, found {operand!r}")


def _number(operand: Operand | Number, values: Mapping[str, Number]) -> Number:
    if isinstance(operand, Param):
        return values[operand.name]
    if isinstance(operand, Expression):
        return operand.folded(values)
    assert isinstance(operand, Number)
    return operand


def _text(value: object) -> object:
    return repr(value) if isinstance(value, float) else value


open_, high, low, close, volume, minutes_to_close = (
    Expression(INPUT, (), (place,)) for place in range(len(INPUTS))
)
"""The bar's own numbers; `minutes_to_close` counts from the bar's end to the session's close."""

Period = int | Param[int] | Expression
"""A whole number of bars; an expression must be made of numbers and parameters alone."""


def sma(series: Operand, period: Period) -> Expression:
    """The mean of the last `period` values."""
    return Expression("sma", (series,), (period,))


def ema(series: Operand, period: Period) -> Expression:
    """The exponential moving average that weighs a new value by 2 / (period + 1)."""
    return Expression("ema", (series,), (period,))


def rsi(series: Operand, period: Period) -> Expression:
    """Wilder's relative strength index, 0 to 100."""
    return Expression("rsi", (series,), (period,))


def macd(fast: Period, slow: Period, signal: Period) -> tuple[Expression, Expression]:
    """The MACD line (fast less slow exponential average of the close) and its signal (the line's average)."""
    line = ema(close, fast) - ema(close, slow)
    return line, ema(line, signal)


def atr(period: Period) -> Expression:
    """Wilder's average true range, in units of price."""
    return Expression("atr", (high, low, close), (period,))


def adx(period: Period) -> Expression:
    """Wilder's average directional index, 0 to 100."""
    return Expression("adx", (high, low), (period,))


def cross_above(a: Operand | Number, b: Operand | Number) -> Expression:
    """Holds at the bar where `a` is above `b` and was not at the bar before."""
    return Expression("cross_above", (a, b))


def cross_below(a: Operand | Number, b: Operand | Number) -> Expression:
    """Holds at the bar where `a` is below `b` and was not at the bar before."""
    return Expression("cross_below", (a, b))
