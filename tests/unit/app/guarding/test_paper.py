"""The folder for a paper account: another broker, live prices, real symbols, and no secret made up."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agenttrader.app.guarding.paper import SECRETS, SYMBOLS, PaperWish, paper_text
from agenttrader.app.guarding.perform import make, roles_of
from agenttrader.app.guarding.setup import GuardWish
from agenttrader.cli.program import app
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.protocols.alpaca_surroundings import Surroundings

GUARD = GuardWish(bot="bot", person="me", port=8765, seed=7, speed=1)
WISH = PaperWish(account="PA3T8N36NVJK", key_id="PKONE", kill_key_id="PKTWO", data_key_id="PKTHREE")


def test_the_folder_is_of_the_paper_account_and_starts_no_exchange(tmp_path: Path) -> None:
    found = make(tmp_path / "desk", GUARD, "a passphrase", WISH).configuration
    assert (found.broker.kind, found.account.name) == (Surroundings.PAPER, "PA3T8N36NVJK")
    assert tuple(found.instruments) == tuple(found.limits.symbol) == found.marketdata.symbols == SYMBOLS
    assert found.agents["bot"].symbols == SYMBOLS  # type: ignore[index]
    assert found.marketdata.is_live
    assert roles_of(found) == ("marketdata", "gateway", "exits")
    assert found.conformance is not None
    assert found.credentials.kill.broker.key_id == "PKTWO"
    for name in SECRETS:
        secret = tmp_path / "desk" / name
        assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("", 0o600)
    with pytest.raises(ConfigurationError, match="expected a secret, found an empty file"):
        found.credential(found.credentials.gateway.broker)


def test_only_what_must_be_is_another_one(tmp_path: Path) -> None:
    path = make(tmp_path / "desk", GUARD, "a passphrase").path
    before = tomllib.loads(path.read_text())
    after = tomllib.loads(paper_text(path.read_text(), WISH, date(2026, 11, 20)))
    assert after["limits"]["account"] == before["limits"]["account"]
    assert after["limits"]["symbol"]["SPY"] == before["limits"]["symbol"]["ALFA"]
    assert after["breakers"] == before["breakers"]
    told = after["reconciliation"]
    assert (told["every_seconds"], told["age_seconds_max"]) == (120, 300)
    assert after["breakers"]["breaking_comparisons_max"] == 2  # the third in a row that differs halts
    assert (after["marketdata"]["date"], after["gateway"]["inbox"]) == ("2026-11-20", "arrival")


def test_an_account_that_is_no_paper_account_leaves_no_folder(tmp_path: Path) -> None:
    live = PaperWish(account="910036420", key_id="PKONE", kill_key_id="PKTWO", data_key_id="PKTHREE")
    with pytest.raises(ConfigurationError, match="expected a paper account, whose number begins with PA"):
        make(tmp_path / "desk", GUARD, "a passphrase", live)
    assert not (tmp_path / "desk").exists()


@pytest.mark.parametrize(
    "words",
    (
        ("--broker", "alpaca_paper"),
        ("--broker", "alpaca_paper", "--account", "PA1"),
        ("--account", "PA1", "--key-id", "PK1"),
    ),
)
def test_half_a_wish_makes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["new", str(tmp_path / "desk"), *words])
    assert isinstance(ended.exception, BadValue)
    assert not (tmp_path / "desk").exists()
