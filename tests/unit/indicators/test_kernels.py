"""Each kernel against a reference in plain Python that keeps the whole series and no state."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.indicators.compiled import Compiled
from agenttrader.indicators.declaration import KERNELS, PERIOD_MAX, Vector
from agenttrader.model.errors import BadValue

nan = math.nan
Series = Sequence[float]


def mean(values: Series) -> float:
    return sum(values) / len(values)


def sma(x: Series, n: int) -> list[float]:
    return [mean(x[i - n + 1 : i + 1]) if i >= n - 1 else nan for i in range(len(x))]


def ema(x: Series, n: int) -> list[float]:
    weight = 2 / (n + 1)
    out = [nan] * (n - 1) + [mean(x[:n])]
    for value in x[n:]:
        out.append(value * weight + out[-1] * (1 - weight))
    return out


def wilder(x: Series, n: int) -> list[float]:
    """Wilder's average of a series: the mean of the first n, then (before * (n - 1) + value) / n."""
    out = [nan] * (n - 1) + [mean(x[:n])]
    for value in x[n:]:
        out.append((out[-1] * (n - 1) + value) / n)
    return out


def rsi(x: Series, n: int) -> list[float]:
    changes = [after - before for before, after in pairwise(x)]
    gains = wilder([max(change, 0) for change in changes], n)
    losses = wilder([max(-change, 0) for change in changes], n)
    ratio = [gain / loss if loss else math.inf for gain, loss in zip(gains, losses, strict=True)]
    return [nan] + [
        nan if math.isnan(gain) else 100 - 100 / (1 + rs) for gain, rs in zip(gains, ratio, strict=True)
    ]


def atr(high: Series, low: Series, close: Series, n: int) -> list[float]:
    ranges = [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        for i in range(1, len(high))
    ]
    return [nan, *wilder(ranges, n)]


def adx(high: Series, low: Series, close: Series, n: int) -> list[float]:
    """Wilder's own way, with the true range that cancels out of our kernel."""
    up = [high[i] - high[i - 1] for i in range(1, len(high))]
    down = [low[i - 1] - low[i] for i in range(1, len(low))]
    plus = wilder([u if u > d and u > 0 else 0 for u, d in zip(up, down, strict=True)], n)
    minus = wilder([d if d > u and d > 0 else 0 for u, d in zip(up, down, strict=True)], n)
    reach = atr(high, low, close, n)[1:]
    index = []
    for p, m, r in zip(plus[n - 1 :], minus[n - 1 :], reach[n - 1 :], strict=True):
        plus_di, minus_di = 100 * p / r, 100 * m / r
        index.append(100 * abs(plus_di - minus_di) / (plus_di + minus_di) if plus_di + minus_di else 0.0)
    return [nan] * n + wilder(index, n)


def walk(seed: int, bars: int = 120) -> tuple[list[float], list[float], list[float]]:
    """High, low and close of a random walk in which the price sometimes stands still and sometimes jumps."""
    chance = random.Random(seed)
    high, low, close = [], [], []
    price = 100.0
    for _ in range(bars):
        start = price * (1 + chance.choice((0.0, 0.0, 0.02, -0.02)))
        price = start * (1 + chance.choice((0.0, chance.gauss(0, 0.01))))
        high.append(max(start, price) * (1 + chance.choice((0.0, 0.003))))
        low.append(min(start, price) * (1 - chance.choice((0.0, 0.003))))
        close.append(price)
    return high, low, close


def plain(name: str, period: tuple[float, ...], *columns: Series) -> list[float]:
    """The kernel in plain Python, its state as small as it declares: an index off the end raises."""
    kernel = KERNELS[name]
    state, parameters = np.zeros(kernel.state_size(*kernel.check(period))), np.array(period, dtype=np.float64)
    with np.errstate(all="ignore"):
        return [
            float(kernel.step(state, parameters, *row)) for row in zip(*map(np.array, columns), strict=True)
        ]


def bulk(compiled: Compiled, name: str, period: tuple[float, ...], *columns: Series) -> list[float]:
    kernel = KERNELS[name]
    state, parameters = np.zeros(kernel.state_size(*kernel.check(period))), np.array(period, dtype=np.float64)
    arrays: list[Vector] = [np.array(column, dtype=np.float64) for column in columns]
    out = np.empty(len(columns[0]))
    compiled.in_bulk[kernel.inputs](compiled.addresses[name], state, parameters, *arrays, out)
    return out.tolist()


@pytest.mark.parametrize("period", (2, 3, 14, 29))
@pytest.mark.parametrize("name", ("sma", "ema", "rsi", "atr", "adx"))
def test_a_kernel_is_its_formula(name: str, period: int, compiled: Compiled) -> None:
    for seed in range(5):
        high, low, close = walk(seed)
        expected, columns = {
            "sma": (sma(close, period), [close]),
            "ema": (ema(close, period), [close]),
            "rsi": (rsi(close, period), [close]),
            "atr": (atr(high, low, close, period), [high, low, close]),
            "adx": (adx(high, low, close, period), [high, low]),
        }[name]
        found = bulk(compiled, name, (period,), *columns)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ("sma", "ema", "rsi", "atr", "adx"))
def test_the_first_number_comes_when_the_warm_up_says(name: str, compiled: Compiled) -> None:
    kernel = KERNELS[name]
    for period in (1, 2, 7, 20):
        found = bulk(compiled, name, (period,), *walk(1)[: kernel.inputs])
        first = next(bar for bar, value in enumerate(found, 1) if not math.isnan(value))
        assert first == kernel.warm_up(period)


def test_a_price_that_never_moves_has_no_strength_and_no_trend(compiled: Compiled) -> None:
    still = [50.0] * 40
    assert bulk(compiled, "rsi", (14,), still)[14:] == [50.0] * 26
    assert bulk(compiled, "adx", (14,), still, still)[27:] == [0.0] * 13
    assert bulk(compiled, "atr", (14,), still, still, still)[14:] == [0.0] * 26


def test_a_price_that_only_rises_is_all_strength(compiled: Compiled) -> None:
    rising = [float(price) for price in range(1, 41)]
    assert bulk(compiled, "rsi", (14,), rising)[14:] == pytest.approx([100.0] * 26)
    assert bulk(compiled, "adx", (14,), rising, [price - 1 for price in rising])[27:] == pytest.approx(
        [100.0] * 13
    )


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(KERNELS)),
    period=st.integers(1, 9),
    rows=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=40),
)
def test_machine_code_is_the_python_it_was_made_from(
    name: str, period: int, rows: list[tuple[float, float, float]], compiled: Compiled
) -> None:
    kernel = KERNELS[name]
    parameters = (float(period),) if kernel.has_period else ()
    columns = [np.array(column).tolist() for column in zip(*rows, strict=True)][: kernel.inputs]
    expected = [value if math.isfinite(value) else nan for value in plain(name, parameters, *columns)]
    np.testing.assert_array_equal(bulk(compiled, name, parameters, *columns), expected)


@pytest.mark.parametrize("hole", (nan, math.inf, -math.inf))
def test_what_is_no_number_is_passed_over_and_changes_nothing(hole: float, compiled: Compiled) -> None:
    _, _, close = walk(3)
    for name in ("sma", "ema", "rsi"):
        whole = bulk(compiled, name, (5,), close)
        holed = bulk(compiled, name, (5,), [*close[:30], hole, hole, *close[30:]])
        assert all(math.isnan(value) for value in holed[30:32])
        np.testing.assert_array_equal([*holed[:30], *holed[32:]], whole)


@pytest.mark.parametrize(
    "bad", ((), (0.0,), (-1.0,), (2.5,), (PERIOD_MAX + 1.0,), (nan,), (math.inf,), (3.0, 4.0))
)
def test_a_period_that_is_none_is_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(BadValue, match="sma: expected"):
        KERNELS["sma"].check(bad)


def test_a_kernel_without_a_period_takes_none() -> None:
    assert KERNELS["add"].check(()) == ()
    with pytest.raises(BadValue, match="add: expected 0 parameters"):
        KERNELS["add"].check((2.0,))
