"""How an instrument is named towards Alpaca's clients, and which one they mean by a name.

A symbol, its asset id or, for a pair of coins, its name without the slash: `BTCUSD` for `BTC/USD`. Alpaca
documents all three, and calls a position in a coin by the last.
"""

from collections.abc import Iterable
from functools import lru_cache

from agenttrader.model.identifiers import Symbol, derive_order_id
from agenttrader.model.instruments import CryptoPair, Instrument, Option

ASSET_IDS_MAX = 10_000
"""Of how many symbols the ids are kept: each is looked for at each order."""
NO_EXCHANGE, CRYPTO_EXCHANGE = "", "CRYPTO"
"""Alpaca's words for no exchange in particular, for the gateway does not know where a symbol is listed."""


@lru_cache(ASSET_IDS_MAX)
def asset_id(symbol: Symbol) -> str:
    """The UUID that stands for a symbol."""
    return derive_order_id("asset", symbol)


def asset_class(instrument: Instrument | None) -> str:
    """Alpaca's word for the kind of instrument."""
    match instrument:
        case CryptoPair():
            return "crypto"
        case Option():
            return "us_option"
        case _:
            return "us_equity"


def exchange_of(instrument: Instrument | None) -> str:
    """Where it is listed, in Alpaca's word."""
    return CRYPTO_EXCHANGE if isinstance(instrument, CryptoPair) else NO_EXCHANGE


def without_slash(symbol: Symbol) -> str:
    """What a position in it is called."""
    return symbol.replace("/", "")


def meant(name: str, symbols: Iterable[Symbol]) -> Symbol | None:
    """Which of `symbols` is meant by `name`; None where none is."""
    return next((symbol for symbol in symbols if name in _names(symbol)), None)


def all_meant(names: Iterable[str], symbols: Iterable[Symbol]) -> frozenset[Symbol]:
    """Which of `symbols` are meant by `names`; a name that means none of them stands for itself."""
    known = {name: symbol for symbol in symbols for name in _names(symbol)}
    return frozenset(known.get(name, Symbol(name)) for name in names)


def _names(symbol: Symbol) -> tuple[str, ...]:
    return symbol, without_slash(symbol), asset_id(symbol)
