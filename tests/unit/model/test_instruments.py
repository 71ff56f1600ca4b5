from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Component, CryptoPair, Equity, Instrument, Option, Spread

ALFA = Equity(symbol=Symbol("ALFA"), tick=Decimal("0.01"), lot=Decimal(1))
CALL = Option(
    symbol=Symbol("ALFA261218C00100000"),
    tick=Decimal("0.05"),
    lot=Decimal(1),
    multiplier=Decimal(100),
    underlying=Symbol("ALFA"),
    expiry="2026-12-18",
    strike=Decimal(100),
    right="call",
)
PAIR = CryptoPair(symbol=Symbol("BTC/USD"), tick=Decimal("0.01"), lot=Decimal("0.00000001"))
SPREAD = Spread(
    symbol=Symbol("ALFA-BRAVO"),
    tick=Decimal("0.01"),
    legs=(Component(Symbol("ALFA"), 2), Component(Symbol("BRAVO"), -1)),
)


@pytest.mark.parametrize("instrument", (ALFA, CALL, PAIR, SPREAD))
def test_every_kind_goes_through_json_unchanged(instrument: Instrument) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(instrument), type=Instrument)
    assert decoded == instrument
    assert type(decoded) is type(instrument)


@pytest.mark.parametrize("field", ("tick", "lot", "multiplier"))
@pytest.mark.parametrize(
    "value", (Decimal(0), Decimal("-0.01"), Decimal("NaN"), Decimal("Infinity"), 0.01, "1_0")
)
def test_steps_are_finite_and_above_nothing(field: str, value: Any) -> None:
    fields: dict[str, Any] = {"symbol": Symbol("ALFA"), "tick": Decimal("0.01"), "lot": Decimal(1)} | {
        field: value
    }
    with pytest.raises(BadValue, match=rf"^ALFA\.{field}: expected"):
        Equity(**fields)


@pytest.mark.parametrize("body", (b"0", b'"NaN"', b'"-1"', b'"1e400"'))
def test_what_is_decoded_is_checked_too(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"ALFA\.tick: expected"):
        msgspec.json.decode(b'{"type":"equity","symbol":"ALFA","lot":"1","tick":' + body + b"}", type=Equity)
    with pytest.raises(msgspec.ValidationError, match="unknown field `ticks`"):
        msgspec.json.decode(
            b'{"type":"equity","symbol":"ALFA","lot":"1","tick":"1","ticks":"1"}', type=Equity
        )


@pytest.mark.parametrize(
    "legs",
    (
        (),
        (Component(Symbol("ALFA"), 1),),
        (Component(Symbol("ALFA"), 1), Component(Symbol("ALFA"), -1)),
        (Component(Symbol("ALFA"), 1), Component(Symbol("BRAVO"), 0)),
    ),
)
def test_a_spread_has_two_different_legs_that_count(legs: tuple[Component, ...]) -> None:
    with pytest.raises(BadValue, match="X: expected two or more different legs with ratios other than 0"):
        Spread(symbol=Symbol("X"), tick=Decimal("0.01"), legs=legs)


@pytest.mark.parametrize("tick", (Decimal(0), Decimal(-1), Decimal("NaN")))
def test_a_spreads_net_price_has_a_step_too(tick: Decimal) -> None:
    with pytest.raises(BadValue, match=r"^X\.tick: expected"):
        Spread(symbol=Symbol("X"), tick=tick, legs=SPREAD.legs)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    (
        ("strike", Decimal(0), r"strike: expected a number above 0"),
        ("strike", Decimal("NaN"), r"strike: expected a finite number"),
        ("expiry", "2026-02-30", r"expiry: expected a day as YYYY-MM-DD, found '2026-02-30'"),
        ("expiry", "20261218", r"expiry: expected a day as YYYY-MM-DD, found '20261218'"),
        ("expiry", "", r"expiry: expected a day as YYYY-MM-DD, found ''"),
    ),
)
def test_an_options_terms_are_checked(field: str, value: Any, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        msgspec.structs.replace(CALL, **{field: value})
