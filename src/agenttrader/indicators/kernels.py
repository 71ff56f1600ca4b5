"""The kernels. Each is one step of one indicator; the formula and its source stand in its docstring.

They call nothing of other modules, because the disk cache of their machine code is keyed by this file's text.
State is all zeros at the start, so 0 must mean *nothing yet*. A kernel never sees NaN or infinity; what it
returns that is not finite, the loops turn into NaN. EMA, RSI, ATR and ADX never forget where they began, so a
series is the same only from a declared first bar.
"""

from agenttrader.indicators.declaration import Vector, kernel

nan = float("nan")


@kernel(inputs=1, period=True, state=lambda n: n + 3, warm_up=lambda n: n)
def sma(state: Vector, parameters: Vector, x: float) -> float:
    """Simple moving average: the mean of the last n inputs. State: count, slot, sum, the last n.

    The sum runs, and is made anew once a lap, so that rounding cannot drift.
    """
    n = int(parameters[0])
    slot = int(state[1])
    if state[0] < n:
        state[0] += 1.0
        state[2] += x
    else:
        state[2] += x - state[3 + slot]
    state[3 + slot] = x
    slot += 1
    if slot == n:
        slot = 0
        total = 0.0
        for position in range(n):
            total += state[3 + position]
        state[2] = total
    state[1] = slot
    return state[2] / n if state[0] == n else nan


@kernel(inputs=1, period=True, state=lambda _: 2, warm_up=lambda n: n)
def ema(state: Vector, parameters: Vector, x: float) -> float:
    """Exponential moving average, e += (x - e) * 2 / (n + 1), begun with the mean of the first n.

    State: count, average. Source: the usual convention (Murphy, Technical Analysis of the Financial Markets,
    1999; TA-Lib begins in the same way).
    """
    n = parameters[0]
    if state[0] < n:
        state[0] += 1.0
        state[1] += x
        if state[0] < n:
            return nan
        state[1] /= n
        return float(state[1])
    state[1] += (x - state[1]) * (2.0 / (n + 1.0))
    return float(state[1])


@kernel(inputs=1, period=True, state=lambda _: 4, warm_up=lambda n: n + 1)
def rsi(state: Vector, parameters: Vector, x: float) -> float:
    """Relative strength index, 100 * g / (g + l): g and l are Wilder's averages of gains and of losses.

    The first averages are means over n changes, then a += (change - a) / n. A price that never moved gives
    50. State: count, input before, g, l. Source: Wilder, New Concepts in Technical Trading Systems, 1978,
    section VI.
    """
    n = parameters[0]
    change = x - state[1]
    state[1] = x
    state[0] += 1.0
    if state[0] == 1.0:
        return nan
    gain = max(change, 0.0)
    loss = max(-change, 0.0)
    if state[0] <= n + 1.0:
        state[2] += gain / n
        state[3] += loss / n
        if state[0] <= n:
            return nan
    else:
        state[2] += (gain - state[2]) / n
        state[3] += (loss - state[3]) / n
    moved = state[2] + state[3]
    return 100.0 * state[2] / moved if moved > 0.0 else 50.0


@kernel(inputs=3, period=True, state=lambda _: 3, warm_up=lambda n: n + 1)
def atr(state: Vector, parameters: Vector, high: float, low: float, close: float) -> float:
    """Average true range: Wilder's average of max(h, c) - min(l, c), with c the close before.

    The first average is the mean of n ranges, the first range that of the second bar. State: count, close
    before, average. Source: Wilder 1978, section III.
    """
    n = parameters[0]
    before = state[1]
    state[1] = close
    state[0] += 1.0
    if state[0] == 1.0:
        return nan
    reach = max(high, before) - min(low, before)
    if state[0] <= n + 1.0:
        state[2] += reach / n
        return state[2] if state[0] == n + 1.0 else nan
    state[2] += (reach - state[2]) / n
    return float(state[2])


@kernel(inputs=2, period=True, state=lambda _: 7, warm_up=lambda n: 2 * n)
def adx(state: Vector, parameters: Vector, high: float, low: float) -> float:
    """Average directional index: Wilder's average of 100 * |+DI - -DI| / (+DI + -DI).

    The true range divides both DI and so cancels out: what is kept are Wilder's sums of +DM and -DM, s += x -
    s / n after n of them. The first average is the mean of n; no movement gives 0. State: count, high and low
    before, the two sums, count of the averaged, average. Source: Wilder 1978, section IV.
    """
    n = parameters[0]
    up = high - state[1]
    down = state[2] - low
    state[1] = high
    state[2] = low
    state[0] += 1.0
    if state[0] == 1.0:
        return nan
    plus = up if up > down and up > 0.0 else 0.0
    minus = down if down > up and down > 0.0 else 0.0
    if state[0] <= n + 1.0:
        state[3] += plus
        state[4] += minus
        if state[0] <= n:
            return nan
    else:
        state[3] += plus - state[3] / n
        state[4] += minus - state[4] / n
    moved = state[3] + state[4]
    index = 100.0 * abs(state[3] - state[4]) / moved if moved > 0.0 else 0.0
    if state[5] < n:
        state[5] += 1.0
        state[6] += index / n
        return state[6] if state[5] == n else nan
    state[6] += (index - state[6]) / n
    return float(state[6])


@kernel(inputs=2, state=lambda: 1, warm_up=lambda: 2)
def cross_above(state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a is above b and was not before, else 0.

    State: 0 nothing yet, 1 was above, -1 was below or equal.
    """
    before = state[0]
    state[0] = 1.0 if a > b else -1.0
    if before == 0.0:
        return nan
    return 1.0 if before < 0.0 < state[0] else 0.0


@kernel(inputs=2, state=lambda: 1, warm_up=lambda: 2)
def cross_below(state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a is below b and was not before, else 0.

    State: 0 nothing yet, 1 was below, -1 was above or equal.
    """
    before = state[0]
    state[0] = 1.0 if a < b else -1.0
    if before == 0.0:
        return nan
    return 1.0 if before < 0.0 < state[0] else 0.0


@kernel(inputs=2)
def add(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """A + b."""
    return a + b


@kernel(inputs=2)
def subtract(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """A - b."""
    return a - b


@kernel(inputs=2)
def multiply(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """A * b."""
    return a * b


@kernel(inputs=2)
def divide(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """A / b; nothing where b is 0."""
    return a / b if b != 0.0 else nan


@kernel(inputs=2)
def greater(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a > b, else 0."""
    return 1.0 if a > b else 0.0


@kernel(inputs=2)
def greater_equal(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a >= b, else 0."""
    return 1.0 if a >= b else 0.0


@kernel(inputs=2)
def less(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a < b, else 0."""
    return 1.0 if a < b else 0.0


@kernel(inputs=2)
def less_equal(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a <= b, else 0."""
    return 1.0 if a <= b else 0.0


@kernel(inputs=2)
def both(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a and b hold (are not 0), else 0."""
    return 1.0 if a != 0.0 and b != 0.0 else 0.0


@kernel(inputs=2)
def either(_state: Vector, _parameters: Vector, a: float, b: float) -> float:
    """1 where a or b holds (is not 0), else 0."""
    return 1.0 if a != 0.0 or b != 0.0 else 0.0


@kernel(inputs=1)
def negation(_state: Vector, _parameters: Vector, a: float) -> float:
    """1 where a does not hold (is 0), else 0."""
    return 1.0 if a == 0.0 else 0.0
