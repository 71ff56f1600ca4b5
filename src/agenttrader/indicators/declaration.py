"""What a kernel declares about itself, so that a program can lay out its state and knows its warm-up.

A kernel is a plain function `step(state, parameters, inputs…) -> float`. `state` is its own slice of one flat
vector, all zeros before the first call; `parameters` are numbers that do not change; the inputs are finite,
because the loops that call kernels skip the others. It is compiled elsewhere (`compiled`); called as it
stands, in Python, it computes the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from agenttrader.model.errors import BadValue

Vector = npt.NDArray[np.float64]
Step = Callable[..., float]

INPUTS_MAX = 3
PERIOD_MAX = 10_000
"""A longer window is a mistake, or needs other bars."""


class Kernel(Struct, frozen=True, kw_only=True):
    """One indicator: its function and what that needs.

    `state_size` and `warm_up` are functions of the period (of nothing, for a kernel without one): how many
    floats of state, and how many inputs until the first number, that one included.
    """

    name: str
    step: Step
    inputs: int
    has_period: bool
    state_size: Callable[..., int]
    warm_up: Callable[..., int]

    def check(self, parameters: tuple[float, ...]) -> tuple[int, ...]:
        """The period, if the kernel has one, as a whole number. Raises BadValue for anything else."""
        if len(parameters) != int(self.has_period):
            raise BadValue(f"{self.name}: expected {int(self.has_period)} parameters, found {parameters}")
        if any(not 1 <= number <= PERIOD_MAX or number != int(number) for number in parameters):
            raise BadValue(
                f"{self.name}: expected a whole period from 1 to {PERIOD_MAX} bars, found {parameters[0]}"
            )
        return tuple(int(number) for number in parameters)


KERNELS: dict[str, Kernel] = {}
"""Every kernel by its name, filled when `kernels` is imported."""


def kernel(
    *,
    inputs: int,
    period: bool = False,
    state: Callable[..., int] = lambda *_: 0,
    warm_up: Callable[..., int] = lambda *_: 1,
) -> Callable[[Step], Any]:
    """Declare the decorated function as a kernel of the same name; it stays callable as plain Python."""

    def declare(step: Step) -> Step:
        name = step.__name__
        assert name not in KERNELS
        assert 1 <= inputs <= INPUTS_MAX
        KERNELS[name] = Kernel(
            name=name, step=step, inputs=inputs, has_period=period, state_size=state, warm_up=warm_up
        )
        return step

    return declare
