import itertools
import re
from pathlib import Path

import pytest

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.prices import Generated, Recorded
from agenttrader.model.errors import ConfigurationError

GENERATED = re.compile(r"\[marketdata\.prices\].*?(?=\[\[marketdata\.keys)", re.DOTALL)
RECORDED = """\
[marketdata.prices]
source = "recorded"
folder = "data"
symbol = "ALFA"
files_sha256 = "ab"

"""
SOURCES = "source: expected one of generated, recorded, iex, found"


def loaded(folder: Path, prices: str | None = None) -> Configuration:
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    if prices is not None:
        text, count = GENERATED.subn(prices, text)
        assert count == 1
    path = folder / "run.toml"
    path.write_text(text)
    return load(path, environment={})


def test_the_word_of_the_source_is_the_feeds_name(tmp_path: Path) -> None:
    generated, recorded = loaded(tmp_path).marketdata, loaded(tmp_path, RECORDED).marketdata
    assert isinstance(generated.prices, Generated)
    assert (generated.source, len(generated.symbols)) == ("generated", 6)
    assert isinstance(recorded.prices, Recorded)
    assert (recorded.source, recorded.symbols) == ("recorded", ("ALFA",))
    assert (recorded.prices.folder, recorded.prices.files_sha256) == ("data", "ab")


@pytest.mark.parametrize(
    ("prices", "words"),
    (
        (
            RECORDED.replace('"recorded"', '"live"'),
            f"{SOURCES} 'live'",
        ),
        (
            RECORDED.replace('source = "recorded"\n', ""),
            f"{SOURCES} None",
        ),
        (RECORDED.replace("folder", "seed"), "seed: this key is not known"),
        (RECORDED.replace('folder = "data"\n', ""), "folder: this key is missing"),
        (RECORDED.replace('"data"', '""'), "folder: expected a folder, found an empty text"),
        (RECORDED.replace("ALFA", "GOLF"), "GOLF: expected it in [instruments] too"),
    ),
)
def test_prices_that_are_none_are_refused_by_name(tmp_path: Path, prices: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, prices)
    assert words in str(refused.value)
    assert "[marketdata.prices" in str(refused.value)


LIVE = """\
[credentials.marketdata.alpaca]
key_id = "PKDATA"
secret = { file = "secrets/alpaca-data" }

[marketdata.prices]
source = "iex"
symbols = ["ALFA", "BRVO"]

"""


def unpaced(text: str) -> str:
    """Waiting for nobody, as a real market does."""
    return re.sub(r"barrier = [^#\n]*", "barrier = [] ", re.sub(r"speed = [^#\n]*", 'speed = "max" ', text))


def load_live(folder: Path, prices: str, *, is_unpaced: bool = True) -> Configuration:
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    text = GENERATED.sub(prices, text)
    (folder / "run.toml").write_text(unpaced(text) if is_unpaced else text)
    return load(folder / "run.toml", environment={})


def test_live_prices_are_of_symbols_with_a_key_that_only_the_market_data_have(tmp_path: Path) -> None:
    found = load_live(tmp_path, LIVE)
    assert (found.marketdata.source, found.marketdata.symbols) == ("iex", ("ALFA", "BRVO"))
    assert found.marketdata.is_live
    assert found.credentials.marketdata is not None
    assert found.credentials.marketdata.alpaca.key_id == "PKDATA"


@pytest.mark.parametrize(
    ("prices", "is_unpaced", "words"),
    (
        (LIVE, False, "where prices are live: a market waits for nobody"),
        (LIVE.partition("\n\n")[2], True, "alpaca: expected the key that Alpaca's data take, found none"),
        (LIVE.replace(', "BRVO"', ', "ALFA"'), True, "symbols: expected one or more, each once"),
        (LIVE.replace('"ALFA", "BRVO"', ""), True, "symbols: expected one or more, each once"),
        (LIVE.replace("BRVO", "SPY"), True, "SPY: expected it in [instruments] too"),
        (
            LIVE.partition("[marketdata")[0] + RECORDED,
            True,
            "alpaca: expected none: a day is played, found a key",
        ),
    ),
)
def test_live_prices_that_cannot_be_are_refused(
    tmp_path: Path,
    prices: str,
    is_unpaced: bool,  # noqa: FBT001
    words: str,
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_live(tmp_path, prices, is_unpaced=is_unpaced)
    assert words in str(refused.value)
