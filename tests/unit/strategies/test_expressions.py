import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.errors import BadValue
from agenttrader.strategies.expressions import (
    INPUTS,
    Expression,
    Operand,
    Param,
    adx,
    atr,
    close,
    cross_above,
    cross_below,
    ema,
    high,
    low,
    macd,
    minutes_to_close,
    open_,
    rsi,
    sma,
    volume,
)
from agenttrader.strategies.program import Machine, Program

BAR = (10.0, 14.0, 8.0, 12.0, 500.0, 30.0)
"""One number for each of INPUTS."""


def value(expression: Expression, compiled: Compiled, bars: int = 1, **parameters: Any) -> float:
    """The expression's value after some bars that are all alike."""
    program = Program([expression], parameters)
    machine = Machine(program, compiled)
    for _ in range(bars):
        machine.step(BAR)
    return machine.value(program.slot(expression))


def parameter(name: str, *numbers: Any) -> Param[Any]:
    made: Param[Any] = Param(*numbers)
    made.__set_name__(object, name)
    return made


def test_each_input_is_its_own_number(compiled: Compiled) -> None:
    inputs = (open_, high, low, close, volume, minutes_to_close)
    assert len(inputs) == len(INPUTS)
    assert [value(each, compiled) for each in inputs] == list(BAR)


@pytest.mark.parametrize(
    ("expression", "expected"),
    (
        (close + 3, 15.0),
        (3 + close, 15.0),
        (close - open_, 2.0),
        (20 - close, 8.0),
        (close - 20, -8.0),
        (close * 2.5, 30.0),
        (2.5 * close, 30.0),
        (close / 4, 3.0),
        (24 / close, 2.0),
        (-close, -12.0),
        (Decimal("0.5") * close, 6.0),
        (close / (open_ - 10), math.nan),
        ((close > 12) | (close >= 12), 1.0),
        (close > 12, 0.0),
        (close >= 12, 1.0),
        (close < 12, 0.0),
        (close <= 12, 1.0),
        (close < 50, 1.0),
        ((close > 1) & (close > 99), 0.0),
        ((close > 1) & (close > 2), 1.0),
        ((close > 99) | (close > 2), 1.0),
        ((close > 99) | (close > 98), 0.0),
        (~(close > 99), 1.0),
        (~(close > 1), 0.0),
        (~(sma(close, 2) > 1), math.nan),
        ((close > 1) | (sma(close, 2) > 1), math.nan),
    ),
)
def test_operators_compute_what_they_say(expression: Expression, expected: float, compiled: Compiled) -> None:
    assert value(expression, compiled) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("make", "found"),
    (
        (lambda p: p + close, 17.0),
        (lambda p: close + p, 17.0),
        (lambda p: close - p, 7.0),
        (lambda p: p - close, -7.0),
        (lambda p: p * close, 60.0),
        (lambda p: close / p, 2.4),
        (lambda p: 1 - p + 0 * close, -4.0),
        (lambda p: close > p, 1.0),
        (lambda p: p > close, 0.0),
    ),
)
def test_a_parameter_stands_for_its_value(
    make: Callable[[Operand], Expression], found: float, compiled: Compiled
) -> None:
    assert value(make(parameter("p", 2, 1, 9)), compiled, p=5) == pytest.approx(found)


def test_a_period_may_be_made_of_parameters(compiled: Compiled) -> None:
    fast = parameter("fast", 2, 1, 9)
    slow = sma(close, fast * 2 + 1)
    assert math.isnan(value(slow, compiled, bars=6, fast=3))
    assert value(slow, compiled, bars=7, fast=3) == 12.0
    assert value(sma(close, (fast + 3) / 2 - 1), compiled, bars=2, fast=3) == 12.0


def test_a_period_may_not_be_made_of_prices() -> None:
    with pytest.raises(TypeError, match="numbers and parameters"):
        Program([sma(close, close)], {})
    with pytest.raises(TypeError, match="numbers and parameters"):
        Program([sma(close, 2 * sma(close, 3))], {})


def test_a_period_that_no_kernel_takes_is_refused() -> None:
    with pytest.raises(BadValue, match="sma: expected a whole period"):
        Program([sma(close, 0)], {})
    with pytest.raises(BadValue, match="ema: expected a whole period"):
        Program([ema(close, parameter("p", 3, 1, 9) / 2)], {"p": 3})


@pytest.mark.parametrize(
    "misused",
    (
        lambda a, b: a and b,
        lambda a, b: a or b,
        lambda a, _: not a,
        lambda a, _: 50 < a < 70,
        lambda a, b: a < b < 3,
    ),
)
def test_what_python_would_decide_before_there_is_a_bar_raises(misused: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"a & b.*\(50 < x\) & \(x < 70\)"):
        misused(rsi(close, 14), close)
    with pytest.raises(TypeError, match="a & b"):
        misused(parameter("p", 1, 0, 9), close)


@pytest.mark.parametrize("other", ("5", None, True, [1], object()))
def test_only_numbers_parameters_and_expressions_combine(other: Any) -> None:
    with pytest.raises(TypeError, match="expected an expression, a parameter or a number"):
        close + other


def test_warm_ups_add_up() -> None:
    line, signal = macd(12, 26, 9)
    cases = (
        (close, 1),
        (sma(close, 20), 20),
        (ema(close, 26), 26),
        (rsi(close, 14), 15),
        (atr(14), 15),
        (adx(14), 28),
        (line, 26),
        (signal, 34),
        (line > signal, 34),
        (cross_below(line, signal), 35),
        (cross_above(close, 5), 2),
        (sma(sma(close, 5), 5), 9),
        (rsi(sma(volume, 3) / 2, 4), 7),
    )
    program = Program([expression for expression, _ in cases], {})
    assert [program.warm_up(expression) for expression, _ in cases] == [bars for _, bars in cases]


class TestParam:
    def test_it_reads_numbers_and_their_texts_as_its_own_type(self) -> None:
        whole, share, money = (
            parameter("n", 5, 1, 9),
            parameter("f", 0.5, 0.0, 1.0),
            parameter("d", Decimal(5), Decimal(1), Decimal(9)),
        )
        assert [(type(it), it) for it in (whole.read("7"), whole.read(7))] == [(int, 7)] * 2
        assert [(type(it), it) for it in (share.read("0.25"), share.read(0.25))] == [(float, 0.25)] * 2
        assert [(type(it), it) for it in (money.read("2.5"), money.read(2))] == [
            (Decimal, Decimal("2.5")),
            (Decimal, Decimal(2)),
        ]

    @pytest.mark.parametrize(
        "bad", (0, 10, "0.99", "9.01", "1.5", "seven", "nan", "inf", "", True, None, [5])
    )
    def test_it_names_itself_when_it_refuses(self, bad: object) -> None:
        with pytest.raises(BadValue, match="n: expected"):
            parameter("n", 5, 1, 9).read(bad)

    def test_its_bounds_are_included(self) -> None:
        bounded = parameter("d", Decimal("0.5"), Decimal("0.5"), Decimal("0.75"))
        assert (bounded.read("0.5"), bounded.read("0.75")) == (Decimal("0.5"), Decimal("0.75"))

    @pytest.mark.parametrize(
        "numbers", ((5, 6, 9), (5, 1, 4), (Decimal(5), 1, 9), (True, False, True), ("5", "1", "9"))
    )
    def test_a_declaration_that_contradicts_itself_is_refused(self, numbers: tuple[Any, ...]) -> None:
        with pytest.raises((BadValue, TypeError), match="expected"):
            Param(*numbers)
