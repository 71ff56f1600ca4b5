"""Answers worked out by hand, one case a kernel, asked for at every start: a stale cache must not trade.

All numbers are exact in binary, so the comparison is exact. NaN stands where there is no number yet, or none
can be.
"""

import numpy as np
from msgspec import Struct

from agenttrader.indicators.compiled import Compiled
from agenttrader.indicators.declaration import INPUTS_MAX, KERNELS, Kernel, Vector
from agenttrader.model.errors import ConfigurationError

nan, infinity = float("nan"), float("inf")


class Case(Struct, frozen=True):
    """The inputs, a column each, and what comes out bar by bar."""

    parameters: tuple[float, ...]
    inputs: tuple[tuple[float, ...], ...]
    answers: tuple[float, ...]


_LEFT, _RIGHT = (1.0, 2.0, 3.0, nan, 0.0, 8.0), (2.0, 2.0, 2.0, 2.0, 0.5, infinity)
_YES, _NO = (1.0, 1.0, 0.0, nan, 0.0, 2.0), (1.0, 0.0, 0.0, 1.0, nan, 3.0)

KNOWN = {
    # The window moves on over what is no number, and its lap of two ends at the fourth.
    "sma": Case((2,), ((1, 2, nan, 4, infinity, 6),), (nan, 1.5, nan, 3, nan, 5)),
    # The mean of 1, 2, 3, then half of each distance.
    "ema": Case((3,), ((1, 2, 3, 6, 2),), (nan, nan, 2, 4, 3)),
    # Gains 3 0 0 0, losses 0 1 0 1.5: averages 1.5 and 0.5, 0.75 and 0.25, 0.375 and 0.875.
    "rsi": Case((2,), ((10, 13, 12, 12, 10.5),), (nan, nan, 75, 75, 30)),
    # Ranges 2, 3, 4; the third reaches from the close before.
    "atr": Case((2,), ((10, 11, 13, 12), (8, 9, 11, 8), (9, 10, 12, 9)), (nan, nan, 2.5, 3.25)),
    # Up 1, up 3, down 6, none: sums 4 and 0, 2 and 6, 1 and 3, so DX 100, 50, 50.
    "adx": Case((2,), ((10, 11, 14, 13, 13), (8, 9, 8, 2, 2)), (nan, nan, nan, 75, 62.5)),
    "cross_above": Case((), ((1, 2, 3, nan, 4, 1, 3), (2, 2, 2, 2, 2, 2, 2)), (nan, 0, 1, nan, 0, 0, 1)),
    "cross_below": Case((), ((3, 2, 1, nan, 0, 3, 1), (2, 2, 2, 2, 2, 2, 2)), (nan, 0, 1, nan, 0, 0, 1)),
    "add": Case((), (_LEFT, _RIGHT), (3, 4, 5, nan, 0.5, nan)),
    "subtract": Case((), (_LEFT, _RIGHT), (-1, 0, 1, nan, -0.5, nan)),
    "multiply": Case((), (_LEFT, _RIGHT), (2, 4, 6, nan, 0, nan)),
    "divide": Case((), (_RIGHT, _LEFT), (2, 1, 2 / 3, nan, nan, nan)),
    "greater": Case((), (_LEFT, _RIGHT), (0, 0, 1, nan, 0, nan)),
    "greater_equal": Case((), (_LEFT, _RIGHT), (0, 1, 1, nan, 0, nan)),
    "less": Case((), (_LEFT, _RIGHT), (1, 0, 0, nan, 1, nan)),
    "less_equal": Case((), (_LEFT, _RIGHT), (1, 1, 0, nan, 1, nan)),
    "both": Case((), (_YES, _NO), (1, 0, 0, nan, nan, 1)),
    "either": Case((), (_YES, _NO), (1, 1, 0, nan, nan, 1)),
    "negation": Case((), (_YES,), (0, 0, 1, nan, 1, 0)),
}


def check(compiled: Compiled) -> None:
    """Ask every kernel, by steps and in bulk. Raises ConfigurationError naming the first that is wrong."""
    for kernel in KERNELS.values():
        case = KNOWN[kernel.name]
        expected = np.array(case.answers)
        for found in (_by_steps(compiled, kernel, case), _in_bulk(compiled, kernel, case)):
            if not np.array_equal(found, expected, equal_nan=True):
                raise ConfigurationError(
                    f"kernel {kernel.name}: expected {expected.tolist()}, found {found.tolist()}: "
                    "its compiled code is wrong; remove the kernels' cache folder and start again"
                )


def _in_bulk(compiled: Compiled, kernel: Kernel, case: Case) -> Vector:
    found = np.empty(len(case.answers))
    state, parameters, columns = _laid_out(kernel, case)
    compiled.in_bulk[kernel.inputs](compiled.addresses[kernel.name], state, parameters, *columns, found)
    return found


def _by_steps(compiled: Compiled, kernel: Kernel, case: Case) -> Vector:
    state, parameters, columns = _laid_out(kernel, case)
    address, value = compiled.addresses[kernel.name], kernel.inputs
    slots = (*range(kernel.inputs), 0, 0)[:INPUTS_MAX]
    rows = np.array([(kernel.inputs, address, *slots, 0, state.size, 0, parameters.size, value)])
    found = []
    for inputs in zip(*columns, strict=True):
        values = np.array([*inputs, nan])
        compiled.step(rows, values, state, parameters)
        found.append(values[value])
    return np.array(found)


def _laid_out(kernel: Kernel, case: Case) -> tuple[Vector, Vector, tuple[Vector, ...]]:
    state = np.zeros(kernel.state_size(*kernel.check(case.parameters)))
    columns = tuple(np.array(column, dtype=np.float64) for column in case.inputs)
    return state, np.array(case.parameters, dtype=np.float64), columns
