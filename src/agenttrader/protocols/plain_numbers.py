"""JSON in which every Decimal is its own digits as text, never with an exponent.

Python writes a small Decimal as 1E-9, and so does msgspec after it. No broker does, and no client expects it.
"""

import re
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
_EXPONENT = re.compile(rb'"-?\d(?:\.\d+)?E[+-]?\d+"')


def encode_plainly(body: object) -> bytes:
    """The body as JSON."""
    encoded = _encoder.encode(body)
    if _EXPONENT.search(encoded) is None:
        return encoded
    return _encoder.encode(_without_exponents(msgspec.to_builtins(body, builtin_types=(Decimal,))))


def _without_exponents(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_exponents(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_exponents(item) for item in value]
    return f"{value:f}" if isinstance(value, Decimal) else value
