from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.protocols.plain_numbers import encode_plainly


class Priced(msgspec.Struct, omit_defaults=True):
    price: Decimal | None = None
    quantity: Decimal | None = None
    name: str = ""


@pytest.mark.parametrize(
    ("body", "text"),
    (
        (Priced(price=Decimal("101.50")), b'{"price":"101.50"}'),
        (Priced(price=Decimal("1E-9")), b'{"price":"0.000000001"}'),
        (Priced(price=Decimal("0E-9")), b'{"price":"0.000000000"}'),
        (Priced(price=Decimal("-1.5E-8")), b'{"price":"-0.000000015"}'),
        (Priced(price=Decimal("1E+2")), b'{"price":"100"}'),
        ([Priced(quantity=Decimal("1E-9"))], b'[{"quantity":"0.000000001"}]'),
        ({"data": Priced(quantity=Decimal("1E-9"))}, b'{"data":{"quantity":"0.000000001"}}'),
        (Priced(name="1E-9"), b'{"name":"1E-9"}'),
    ),
)
def test_a_decimal_leaves_as_its_own_digits(body: Any, text: bytes) -> None:
    assert encode_plainly(body) == text
