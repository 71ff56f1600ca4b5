"""A guarded bot's folder for a paper account at Alpaca: the same, with another broker and live prices.

Its secrets are not made here: their files are empty until a person fills them, and no role starts before.
"""

import tomllib
from datetime import date

from msgspec import Struct

from agenttrader.app.template import Place, Value, fill, recast

SYMBOLS = ("SPY", "QQQ", "IWM", "DIA", "TLT", "GLD")
"""What takes the places of the invented symbols, limits and all: large funds, priced in cents."""
EVERY_SECONDS, AGE_SECONDS_MAX = 120, 300
"""How often the books are compared with Alpaca's, and how old a comparison may be."""
SECRETS = ("secrets/gateway-broker", "secrets/kill-broker", "secrets/alpaca-data")

_BROKER = """[broker]
kind = "alpaca_paper"
address = "https://paper-api.alpaca.markets"

[conformance]                   # `agenttrader brokers conformance` must have passed before the gateway starts
reports = "audit_artifacts/conformance"
age_days_max = 7
"""
_PRICES = """[credentials.marketdata.alpaca]
key_id = "{key}"
secret = {{ file = "secrets/alpaca-data" }}

[marketdata.prices]             # live: one exchange's, not the whole market's
source = "iex"
symbols = {symbols}
"""


class PaperWish(Struct, frozen=True, kw_only=True):
    """Which account, and the ids of the keys that are shown: of the gateway, of kill, and for the data."""

    account: str
    key_id: str
    kill_key_id: str
    data_key_id: str


def paper_text(text: str, wish: PaperWish, today: date) -> str:
    """The guarded bot's configuration `text`, as that of the paper account, for `today` in New York."""
    invented = list(tomllib.loads(text)["instruments"])
    names = dict(zip(invented, SYMBOLS, strict=True))
    symbols = str(list(SYMBOLS)).replace("'", '"')
    tables = {
        "broker": _BROKER,
        "marketdata.prices": _PRICES.format(key=wish.data_key_id, symbols=symbols),
        "marketdata.prices.symbols": "",
    }
    values: dict[Place, Value] = {
        ("environment", "name"): "paper",
        ("account", "name"): wish.account,
        ("gateway", "inbox"): "arrival",
        ("marketdata", "date"): today.isoformat(),
        ("marketdata", "speed"): "max",
        ("marketdata", "barrier"): (),
        ("strategy", "inbox"): "arrival",
        ("reconciliation", "every_seconds"): EVERY_SECONDS,
        ("reconciliation", "age_seconds_max"): AGE_SECONDS_MAX,
        ("credentials.gateway.broker", "key_id"): wish.key_id,
        ("credentials.kill.broker", "key_id"): wish.kill_key_id,
    }
    return fill(recast(text, names=names, tables=tables), values)
