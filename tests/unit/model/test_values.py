from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.values import exact, is_on_step, on_step

PENNY = Decimal("0.01")
STEPS = st.sampled_from(
    [Decimal(text) for text in ("1", "0.01", "0.05", "0.0001", "0.00000001", "0.25", "100", "0.5")]
)


@pytest.mark.parametrize(
    ("value", "number"),
    (
        ("1.10", "1.10"),
        ("-0.000000001", "-1E-9"),
        ("999999999999999.999999999", "999999999999999.999999999"),
        ("1E+3", "1E+3"),
        ("1e14", "1E+14"),
        ("0", "0"),
        ("-0", "-0"),
        ("0e99", "0E+99"),
        ("1.1000000000000", "1.1000000000000"),
        (7, "7"),
        (-(10**14), "-100000000000000"),
        (Decimal("2.5"), "2.5"),
    ),
)
def test_what_is_a_number_is_taken_with_its_own_digits(value: object, number: str) -> None:
    assert str(exact(value, "price")) == number


@pytest.mark.parametrize(
    "value",
    (
        *(1.1, 1.0, True, False, None, b"1", [1], Fraction(1, 2)),
        *("", " 1", "1 ", "1\n", "1_000", "_1", "1,5", "0x10", "one", "--1", "1.2.3"),
        *("１", "1.５", "١", "१"),  # noqa: RUF001 - digits of other scripts are what is meant
        *("NaN", "sNaN", "nan", "Infinity", "-inf", "Inf"),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")),
        *("1e15", "1000000000000000", "1e3000000", 10**15, -(10**15), Decimal("1e15")),
        *("0.0000000001", "1.0000000001", "1e-10", "1e-3000000", Decimal("1e-10"), Decimal("0.12345678901")),
    ),
)
def test_what_is_none_is_refused_by_the_fields_name(value: object) -> None:
    with pytest.raises(BadValue, match=r"^limit_price: expected"):
        exact(value, "limit_price")


@pytest.mark.parametrize("name", ("digits", "text", "number", "noise"))
def test_what_is_much_too_long_is_refused_in_a_short_sentence(name: str) -> None:
    """Python would refuse to show an integer of so many digits, in words of its own."""
    long = {
        "digits": 10**5000,
        "text": "9" * 100_000,
        "number": Decimal("9" * 100_000),
        "noise": Decimal("0." + "1" * 100_000),
    }[name]
    with pytest.raises(
        BadValue, match=r"^x: expected at most 15 digits before and 9 after the point, found"
    ) as refused:
        exact(long, "x")
    assert len(str(refused.value)) < 200
    with pytest.raises(BadValue, match=r"^x: expected") as refused:
        on_step(long, PENNY, "x")
    assert len(str(refused.value)) < 200


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.text(max_size=40) | st.integers() | st.floats())
def test_exact_takes_a_value_whole_or_refuses_it(value: object) -> None:
    """Judged in integers, so that no context of Decimal has a say."""
    try:
        number = exact(value, "x")
    except BadValue:
        return
    assert not isinstance(value, float)
    assert number.is_finite()
    assert number == Decimal(value)  # type: ignore[arg-type]
    nanos = Fraction(number) * 10**9
    assert nanos.denominator == 1
    assert abs(nanos) < 10**24


@given(st.integers(-(10**24) + 1, 10**24 - 1))
def test_exact_takes_every_number_of_nanos(nanos: int) -> None:
    number = Decimal(nanos).scaleb(-9)
    assert exact(number, "x") is number
    assert exact(str(number), "x") == number
    assert exact(f"{number:f}", "x") == number


@pytest.mark.parametrize(
    ("value", "step", "fitted"),
    (
        ("10", "0.01", "10.00"),
        ("10.010", "0.01", "10.01"),
        ("10.0100000001", "0.01", None),
        (Decimal("10.0100000001"), "0.01", "10.01"),
        (Decimal("0.30000000000000004"), "0.1", "0.3"),
        (Decimal("10.009999999999999787"), "0.01", "10.01"),
        (Decimal("10.010000001"), "0.01", "10.01"),
        (Decimal("10.010000002"), "0.01", None),
        ("10.015", "0.01", None),
        (Decimal("100.0000000000001"), "1", "100"),
        ("-3.05", "0.05", "-3.05"),
        (150, "100", None),
        (300, "100", "300"),
        (Decimal("1e-20"), "1", "0"),
        (1.5, "0.5", None),
        (Decimal("NaN"), "0.01", None),
        (Decimal("1e400"), "0.01", None),
    ),
)
def test_a_value_is_fitted_to_a_step_or_refused(value: object, step: str, fitted: str | None) -> None:
    if fitted is None:
        with pytest.raises(BadValue, match=r"^quantity: expected"):
            on_step(value, Decimal(step), "quantity")
    else:
        assert str(on_step(value, Decimal(step), "quantity")) == fitted


def test_what_lies_beside_a_step_is_told_the_nearest_one() -> None:
    with pytest.raises(
        BadValue, match=r"price: expected a multiple of 0\.05, found 10\.02; the nearest is 10\.00"
    ):
        on_step(Decimal("10.02"), Decimal("0.05"), "price")


@given(st.integers(-(10**12), 10**12), STEPS)
def test_multiples_stay_as_they_are(count: int, step: Decimal) -> None:
    value = count * step
    fitted = on_step(value, step, "x")
    assert fitted == value
    assert is_on_step(fitted, step)
    assert on_step(str(value), step, "x") == value


@given(st.integers(-(10**9), 10**9), STEPS)
def test_what_a_float_made_of_a_multiple_is_taken_as_meant(count: int, step: Decimal) -> None:
    """Up to 10^6 a double keeps ten digits after the point, so its noise is below ours."""
    meant = Decimal(count % 10**6) * step if step < 1 else Decimal(count) * step
    if abs(meant) < 10**6:
        assert on_step(Decimal(repr(float(meant))), step, "x") == meant
        assert on_step(Decimal(float(meant)), step, "x") == meant


@given(st.decimals(-(10**6), 10**6, places=9), STEPS)
def test_the_fitted_value_is_never_further_than_the_noise(value: Decimal, step: Decimal) -> None:
    beside = Fraction(value) % Fraction(step)
    distance = min(beside, Fraction(step) - beside)
    try:
        fitted = on_step(value, step, "x")
    except BadValue:
        assert distance > Fraction(1, 10**9)
    else:
        assert distance <= Fraction(1, 10**9)
        assert Fraction(fitted) % Fraction(step) == 0
        assert abs(Fraction(fitted) - Fraction(value)) == distance


@given(st.decimals(-(10**6), 10**6, places=9), STEPS)
def test_is_on_step_is_exact(value: Decimal, step: Decimal) -> None:
    assert is_on_step(value, step) == (Fraction(value) % Fraction(step) == 0)
