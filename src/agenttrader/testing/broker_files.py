"""Configuration files as an operator writes them, for each kind of broker: the demo's, with another one."""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

from agenttrader.app.config import Configuration, demo_template, load

PAPER_HOST, LIVE_HOST = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"


class Written(NamedTuple):
    """What a file says of its broker, each in the file's own words."""

    broker: str
    account: str
    key: str
    kill_key: str
    ceiling: str
    inbox: str
    prices: str

    def load(self, folder: Path, **environment: str) -> Configuration:
        """The demo's file with this in it, as every role reads it."""
        numbers = itertools.count(1)
        text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
        for old, new in (
            ('kind = "venue"', self.broker),
            ('[account]\nname = "DEMO-1"', f'[account]\nname = "{self.account}"'),
            ('[[venue.accounts]]\nname = "DEMO-1"', f'[[venue.accounts]]\nname = "{self.account}"'),
            ('key_id = "demo-account"\nsecret = {', f'key_id = "{self.key}"\nsecret = {{'),
            ('key_id = "demo-kill"\nsecret = {', f'key_id = "{self.kill_key}"\nsecret = {{'),
            ('mode_ceiling = "paper"', f'mode_ceiling = "{self.ceiling}"'),
            ('inbox = "watermark"', f'inbox = "{self.inbox}"'),
        ):
            assert old in text, f"the template has no {old!r}"
            text = text.replace(old, new, 1)
        if self.prices:
            text = _PRICES.sub(self.prices, text)
            text = re.sub(r"(?m)^speed = [^#\n]*", 'speed = "max" ', text)
            text = re.sub(r"(?m)^barrier = [^#\n]*", "barrier = [] ", text)
        (folder / "run.toml").write_text(text)
        (folder / "secrets").mkdir(exist_ok=True)
        for name in ("gateway-broker", "kill-broker", "alpaca-data", "gateway-marketdata"):
            (folder / "secrets" / name).write_text("SECRET")
        return load(folder / "run.toml", environment)


def at(kind: str, address: str) -> str:
    """The table [broker] for an account at an address."""
    return f'kind = "{kind}"\naddress = "{address}"'


LIVE_PRICES = """[credentials.marketdata.alpaca]
key_id = "PKDATA1"
secret = { file = "secrets/alpaca-data" }

[marketdata.prices]
source = "iex"
symbols = ["ALFA"]

"""
_PRICES = re.compile(r"\[marketdata\.prices\].*?(?=\[\[marketdata\.keys)", re.DOTALL)
RESTS_ON = '\n\n[conformance]\nreports = "audit_artifacts/conformance"\nage_days_max = 7'
VENUE = Written('kind = "venue"', "DEMO-1", "demo-account", "demo-kill", "paper", "watermark", "")
PAPER = Written(
    at("alpaca_paper", PAPER_HOST) + RESTS_ON,
    "PA3T8N36NVJK",
    "PKGATEWAY1",
    "PKKILL1",
    "paper",
    "arrival",
    LIVE_PRICES,
)
LIVE = Written(
    at("alpaca_live", LIVE_HOST) + RESTS_ON,
    "910036420",
    "AKGATEWAY1",
    "AKKILL1",
    "live",
    "arrival",
    LIVE_PRICES,
)
