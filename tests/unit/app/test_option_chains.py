"""The venue's options in a configuration: absent means none, and what is written down is read strictly."""

from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.option_chains import CONTRACTS_MAX
from agenttrader.model.errors import ConfigurationError
from agenttrader.testing.option_stage import OPTIONS_TABLE


def loaded(folder: Path, options: str) -> Configuration:
    text = demo_template()
    for number in range(text.count('= ""')):
        text = text.replace('= ""', f'= "{number + 1:064x}"', 1)
    path = folder / "demo.toml"
    path.write_text(text + options)
    return load(path, environment={})


def test_a_venue_without_the_table_has_no_options(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").venue.options is None


def test_a_chain_is_a_call_and_a_put_at_each_strike_for_each_day(tmp_path: Path) -> None:
    options = loaded(tmp_path, OPTIONS_TABLE).venue.options
    assert options is not None
    assert (options.level, options.occ_cap) == (3, Decimal("55.00"))
    (chain,) = options.chains
    assert (chain.rule.underlying, chain.rule.volatility, chain.rule.size) == ("ALFA", Decimal("0.40"), 10)
    symbols = [contract.symbol for contract in chain.contracts]
    assert len(symbols) == len(set(symbols)) == 2 * len(chain.expirations) * len(chain.strikes)
    assert symbols[:2] == ["ALFA261120C00045000", "ALFA261120P00045000"]


def test_the_page_shows_this_table() -> None:
    page = Path(__file__).parents[3] / "docs" / "brokers.md"
    assert f"```toml{OPTIONS_TABLE}```" in page.read_text()


@pytest.mark.parametrize(
    ("found", "instead", "message"),
    (
        ("level = 3", "level = 4", "[venue.options] level: expected one of 1, 2, 3"),
        ("level = 3  ", "# ", "[venue.options] level: this key is missing"),
        ("occ_cap =", "occ_max =", "occ_max: this key is not known"),
        ('"0.02"', '"-0.02"', "occ_rate: expected 0 or more, found -0.02"),
        ('volatility = "0.40"', "volatility = 0.40", 'write it in quotes: "0.40"'),
        ('volatility = "0.40"', 'volatility = "0"', "volatility: expected above 0 and at most 10, found 0"),
        ("size = 10", "size = 0", "size: expected a whole number above 0, found 0"),
        (
            'underlying = "ALFA"',
            'underlying = "ZULU"',
            "[venue.options.chains underlying] ZULU: expected it in",
        ),
        ('"45"', '"45", "45.000"', "strikes: expected one or more, each once, found 45 twice"),
        ('"45"', '"45.0001"', "strike: expected above 0 and below 100000, to the thousandth, found 45.0001"),
        ('"2026-11-20"', '"20 November"', "expiration: expected a day as YYYY-MM-DD, found '20 November'"),
        (
            '["2026-11-20", "2026-12-18"]',
            "[]",
            "expirations: expected one or more, each once, found none",
        ),
    ),
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, found: str, instead: str, message: str) -> None:
    assert found in OPTIONS_TABLE
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, OPTIONS_TABLE.replace(found, instead))
    assert message in str(refused.value)


def test_each_share_has_one_chain_and_a_chain_an_end(tmp_path: Path) -> None:
    _, header, chain = OPTIONS_TABLE.rpartition("[[venue.options.chains]]")
    with pytest.raises(ConfigurationError, match="each on other shares, found ALFA, ALFA"):
        loaded(tmp_path, OPTIONS_TABLE + header + chain)
    strikes = ", ".join(f'"{strike}"' for strike in range(100, 100 + CONTRACTS_MAX))
    with pytest.raises(ConfigurationError, match="expected at most 2000 contracts of one chain"):
        loaded(tmp_path, OPTIONS_TABLE.replace('"45"', strikes))
