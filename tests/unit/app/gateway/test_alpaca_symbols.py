"""A symbol has three names for clients, and each finds it among what they may name."""

from decimal import Decimal

import pytest

from agenttrader.app.gateway import alpaca_symbols
from agenttrader.app.gateway.alpaca_symbols import (
    all_meant,
    asset_class,
    asset_id,
    exchange_of,
    meant,
    without_slash,
)
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import CryptoPair, Option
from agenttrader.testing.builders import ALFA, instruments

COIN = Symbol("BTC/USD")
STEPS = {"tick": Decimal("0.01"), "lot": Decimal("0.0001")}


@pytest.mark.parametrize("name", ("BTC/USD", "BTCUSD", asset_id(COIN)))
def test_every_name_of_a_pair_means_it(name: str) -> None:
    assert meant(name, (ALFA, COIN)) == COIN
    assert meant(name, (ALFA,)) is None


def test_what_is_not_among_the_symbols_is_not_meant() -> None:
    assert meant("ALFA", (ALFA,)) == ALFA
    for name in ("alfa", "", "BTC", "BTCUSD", asset_id(COIN)):
        assert meant(name, (ALFA,)) is None


def test_a_list_of_names_is_gone_over_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has room for 32,000 names: to make every id anew for each would hold everybody up."""
    derived: list[object] = []

    def derive(*facts: object) -> str:
        derived.append(facts)
        return f"{facts[-1]} as id"

    monkeypatch.setattr(alpaca_symbols, "derive_order_id", derive)
    asset_id.cache_clear()
    names = ("BTCUSD", "ALFA as id", "OTHER", *(f"X{number}" for number in range(1_000)))
    assert all_meant(names, (ALFA, COIN)) == {COIN, ALFA, "OTHER", *names[3:]}
    assert len(derived) == 2
    asset_id.cache_clear()


def test_kinds_have_alpacas_words() -> None:
    coin = CryptoPair(symbol=COIN, **STEPS)
    option = Option(
        symbol=Symbol("O"), underlying=ALFA, expiry="2026-12-18", strike=Decimal(50), right="call", **STEPS
    )
    kinds = (instruments()[ALFA], option, coin, None)
    assert [asset_class(each) for each in kinds] == ["us_equity", "us_option", "crypto", "us_equity"]
    assert [exchange_of(each) for each in kinds] == ["", "", "CRYPTO", ""]
    assert without_slash(COIN) == "BTCUSD"
