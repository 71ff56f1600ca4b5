"""The kernels as machine code, and the loops that call them by address.

One loop steps all rows of a program for one bar, others run one row over many bars. Both call the same
address, so what is computed in bulk is what is computed bar by bar, bit for bit. A loop calls a kernel only
with finite inputs; otherwise the value is NaN and the kernel's state stays as it is. What a kernel returns
that is not finite is NaN too. An exception inside compiled code would be printed and return 0, so nothing
there may raise: division follows IEEE (`error_model="numpy"`), and the tests run every kernel in plain
Python, where an index off the end is found.
"""

import contextlib
import inspect
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
import numpy.typing as npt
from msgspec import Struct
from numba import cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from agenttrader.indicators import kernels
from agenttrader.indicators.declaration import KERNELS, Kernel, Vector
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import Digest, digest_of

Rows = npt.NDArray[np.int64]
"""A row: inputs, address, slots of three inputs, state from and to, parameters from and to, value's slot."""
ROW_LENGTH = 10

_FLOAT = types.float64
_VECTOR = types.float64[::1]
_ADDRESS = types.int64


class Compiled(Struct, frozen=True):
    """Every kernel's address in this process, and the loops. Addresses are never stored."""

    addresses: Mapping[str, int]
    step: Callable[[Rows, Vector, Vector, Vector], None]
    """One bar: rows, values, state, parameters; fills the values in the rows' order."""
    in_bulk: Mapping[int, Callable[..., None]]
    """By number of inputs, many bars of one row: address, state, parameters, input columns, result."""
    code: tuple[Any, ...]
    """What owns the code at the addresses: when it goes, numba frees the code."""


def source_digest() -> Digest:
    """Names the text of all kernels: equal digests, equal layout of state and equal numbers."""
    return digest_of(inspect.getsource(kernels).encode())


def cache_key() -> Digest:
    """Names what machine code depends on: kernels, loops, numba, LLVM, numpy, processor."""
    processor = llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()
    versions = numba.__version__, llvmlite.__version__, np.__version__
    source = inspect.getsource(sys.modules[__name__])
    return digest_of("\0".join((source_digest(), source, *versions, *processor)).encode())


def compile_kernels(directory: str) -> Compiled:
    """The kernels from the cache in `directory`/`cache_key()`, compiled there the first time (some seconds).

    Several processes may do so at once. Raises ConfigurationError where the folder cannot be used.
    """
    folder = f"{directory}/{cache_key()[:16]}"
    try:
        with _caching_in(folder):
            code = {kernel.name: _compiled(kernel) for kernel in KERNELS.values()}
            return Compiled(
                addresses={name: int(owner.address) for name, owner in code.items()},
                step=_looped(_step, _STEP_SIGNATURE),
                in_bulk={inputs: _looped(loop, _bulk_signature(inputs)) for inputs, loop in _BULK.items()},
                code=tuple(code.values()),
            )
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise ConfigurationError(
            "kernels: expected a folder for compiled code that can be read and written, found "
            f"{folder}: {error}; remove it, or give another"
        ) from error


@contextlib.contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    """Let numba keep compiled code in `folder` alone: it would fall back to other places unasked."""
    config: Any = numba.config
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = folder, "UserProvidedCacheLocator"
    try:
        yield
    finally:
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before


def _compiled(kernel: Kernel) -> Any:
    return cfunc(_kernel_signature(kernel.inputs), cache=True, error_model="numpy")(kernel.step)


def _looped(loop: Callable[..., None], signature: Any) -> Callable[..., None]:
    compiled: Callable[..., None] = njit(signature, cache=True, error_model="numpy")(loop)
    return compiled


def _kernel_signature(inputs: int) -> Any:
    return _FLOAT(_VECTOR, _VECTOR, *[_FLOAT] * inputs)


def _bulk_signature(inputs: int) -> Any:
    return types.void(_ADDRESS, _VECTOR, _VECTOR, *[_VECTOR] * inputs, _VECTOR)


def _function_at_address(inputs: int) -> Any:
    """Inside compiled code: the kernel of `inputs` inputs that lies at an address."""
    kind = types.FunctionType(_kernel_signature(inputs))

    @intrinsic
    def function(_typing: Any, _address: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            pointer: Any = cgutils.create_struct_proxy(kind)(context, builder)  # type: ignore[no-untyped-call]
            pointer.c_addr = builder.inttoptr(arguments[0], cgutils.voidptr_t)
            return pointer._getvalue()  # noqa: SLF001  numba's own way to hand over a struct

        return kind(_ADDRESS), generate

    return function


_of_1, _of_2, _of_3 = map(_function_at_address, (1, 2, 3))

_STEP_SIGNATURE = types.void(types.int64[:, ::1], _VECTOR, _VECTOR, _VECTOR)


def _step(rows: Rows, values: Vector, state: Vector, parameters: Vector) -> None:
    for row in range(rows.shape[0]):
        inputs, address, a, b, c, state_from, state_to, from_, to, slot = rows[row]
        s = state[state_from:state_to]
        p = parameters[from_:to]
        x = values[a]
        result = np.nan
        if inputs == 1:
            if np.isfinite(x):
                result = _of_1(address)(s, p, x)
        elif inputs == 2:  # noqa: PLR2004  the next is three
            if np.isfinite(x) and np.isfinite(values[b]):
                result = _of_2(address)(s, p, x, values[b])
        elif np.isfinite(x) and np.isfinite(values[b]) and np.isfinite(values[c]):
            result = _of_3(address)(s, p, x, values[b], values[c])
        values[slot] = result if np.isfinite(result) else np.nan


def _bulk_1(address: int, state: Vector, parameters: Vector, a: Vector, result: Vector) -> None:
    step = _of_1(address)
    for bar in range(result.size):
        value = step(state, parameters, a[bar]) if np.isfinite(a[bar]) else np.nan
        result[bar] = value if np.isfinite(value) else np.nan


def _bulk_2(address: int, state: Vector, parameters: Vector, a: Vector, b: Vector, result: Vector) -> None:
    step = _of_2(address)
    for bar in range(result.size):
        value = (
            step(state, parameters, a[bar], b[bar]) if np.isfinite(a[bar]) and np.isfinite(b[bar]) else np.nan
        )
        result[bar] = value if np.isfinite(value) else np.nan


def _bulk_3(
    address: int, state: Vector, parameters: Vector, a: Vector, b: Vector, c: Vector, result: Vector
) -> None:
    step = _of_3(address)
    for bar in range(result.size):
        value = np.nan
        if np.isfinite(a[bar]) and np.isfinite(b[bar]) and np.isfinite(c[bar]):
            value = step(state, parameters, a[bar], b[bar], c[bar])
        result[bar] = value if np.isfinite(value) else np.nan


_BULK: Mapping[int, Callable[..., None]] = {1: _bulk_1, 2: _bulk_2, 3: _bulk_3}
