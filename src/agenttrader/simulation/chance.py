"""Chance that is the same everywhere: a seeded generator in integers alone.

It is SplitMix64 (Steele, Lea and Flood, 2014), seeded by a hash of named facts. No floating point and nothing
of the standard library's generator is used, so a seed means the same bits on every platform and Python.
Every subject draws from a stream of its own: adding one does not change the others. Not for secrets.
"""

import hashlib

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15

NORMAL_UNIT = 1_000
"""`normal` counts in thousandths of a standard deviation."""
_HALF_SUM = 4 * 0xFFFF // 2
_DEVIATION = 37_837
"""The standard deviation of a sum of four uniform 16-bit numbers: 65536 × √(4/12)."""


class Chance:
    """One stream of numbers, determined by the facts that it is made from."""

    def __init__(self, *facts: str | int) -> None:
        state = hashlib.sha256()
        for fact in facts:
            text = str(fact).encode()
            state.update(len(text).to_bytes(4, "big") + text)
        self._state = int.from_bytes(state.digest()[:8], "big")

    def bits(self) -> int:
        """The next 64 bits."""
        self._state = (self._state + _GOLDEN) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included, each as likely (to one part in 2⁶⁴ / their count)."""
        return low + (self.bits() * (high - low + 1) >> 64)

    def sign(self) -> int:
        """+1 or -1."""
        return 1 if self.bits() & 1 else -1

    def normal(self) -> int:
        """A bell-shaped number around 0 in thousandths of its standard deviation; never beyond 3.5."""
        bits = self.bits()
        total = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        return (total - _HALF_SUM) * NORMAL_UNIT // _DEVIATION
