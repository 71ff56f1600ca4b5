"""What several unit tests need and is dear to make."""

from pathlib import Path

import pytest

from agenttrader.indicators.compiled import Compiled, compile_kernels

KERNELS = Path(__file__).parents[2] / "var" / "test" / "kernels"
"""Kept from one run to the next: compiling takes seconds, and the key names all that it depends on."""


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    """The kernels, compiled."""
    return compile_kernels(str(KERNELS))
