from decimal import Decimal

import pytest

from agenttrader.cli.figures import amount, change, large, plain, signed, spark


@pytest.mark.parametrize(
    ("value", "text", "with_sign"),
    (
        ("1234.5", "1,234.50", "+1,234.50"),
        ("-12", "−12.00", "−12.00"),
        ("0", "0.00", "0.00"),
        ("-0.001", "0.00", "0.00"),
        ("0.004", "0.00", "0.00"),
    ),
)
def test_amounts_are_to_the_cent_and_zero_has_no_sign(value: str, text: str, with_sign: str) -> None:
    assert amount(Decimal(value)) == text
    assert signed(Decimal(value)) == with_sign


def test_a_change_is_in_per_cent_of_where_it_began() -> None:
    assert change(Decimal("101.25"), Decimal(100)) == "+1.25 %"
    assert change(Decimal(99), Decimal(100)) == "−1.00 %"


def test_a_quantity_has_no_exponent() -> None:
    assert plain(Decimal("1E+2")) == "100"
    assert plain(Decimal("0.50")) == "0.50"


def test_a_line_of_prices_lies_between_its_lowest_and_highest() -> None:
    assert spark([]) == ""
    assert spark([Decimal(5)] * 3) == "▅▅▅"
    assert spark([Decimal(1), Decimal(2), Decimal(3)]) == "▁▄█"


def test_large_digits_are_three_rows_of_equal_width() -> None:
    rows = large("-1,234,567,890.25")
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert large("07") == ("█▀█ ▀▀█", "█ █   █", "▀▀▀   ▀")
