"""The file of what strategies remember: whole or refused, and never somebody else's."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agenttrader.adapters.strategy_checkpoints import StrategyCheckpoints
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.identifiers import AccountName, AgentName, Digest, StrategyName, Symbol
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant
from agenttrader.strategies.memory import Memory, SymbolMemory
from agenttrader.strategies.program import Checkpoint
from agenttrader.testing.builders import proposal

TODAY = "2026-11-20"
ACCOUNT, AGENT = AccountName("PAPER-1"), AgentName("momentum")
MEMORY = Memory(
    agent=AGENT,
    session=Session(date="2026-11-20", open=Instant(0), close=Instant(1000)),
    stepped=Instant(60),
    asked=Instant(60),
    told=(),
    pending=(proposal(),),
    symbols=(
        SymbolMemory(
            symbol=Symbol("ALFA"),
            strategy=StrategyName("m"),
            parameters=Digest("aa"),
            indicators=Checkpoint(program=Digest("bb"), memory=bytes(range(256))),
            price=None,
            bars=(),
        ),
    ),
)


def checkpoints(
    folder: Path, account: str = ACCOUNT, market: str = "seed 7", agent: AgentName = AGENT
) -> StrategyCheckpoints:
    return StrategyCheckpoints(folder / "checkpoints", AccountName(account), agent, market)


def edited(folder: Path, **changes: Any) -> None:
    """Change fields of the file, as a hand would."""
    file = checkpoints(folder).path
    file.write_text(json.dumps(json.loads(file.read_bytes()) | changes))


def refusal(folder: Path, **others: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        checkpoints(folder, **others).read(TODAY)
    text = str(refused.value)
    assert text.startswith(str(folder / "checkpoints" / "momentum.json"))
    assert text.endswith("; move it away to begin as on a first day, from the session's open")
    return text


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    assert checkpoints(tmp_path).read(TODAY) is None
    checkpoints(tmp_path).write(MEMORY)
    checkpoints(tmp_path).write(MEMORY)
    assert checkpoints(tmp_path).read(TODAY) == MEMORY
    assert [file.name for file in (tmp_path / "checkpoints").iterdir()] == ["momentum.json"]


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    assert checkpoints(tmp_path).path.stat().st_mode & 0o077 == 0


def test_each_agent_has_a_file_of_its_own(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    assert checkpoints(tmp_path, agent=AgentName("other")).read(TODAY) is None


def test_every_cut_of_the_file_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    file = checkpoints(tmp_path).path
    content = file.read_bytes().rstrip()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert "found none" in refusal(tmp_path)


def test_every_changed_character_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    file = checkpoints(tmp_path).path
    content = file.read_bytes().rstrip()
    for place in range(len(content)):
        for other in (b"0", b"9"):
            if content[place : place + 1] == other:
                continue
            file.write_bytes(content[:place] + other + content[place + 1 :])
            refusal(tmp_path)


def test_what_is_anothers_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    assert "expected account LIVE-1, found PAPER-1" in refusal(tmp_path, account="LIVE-1")
    assert "expected market data seed 8, found seed 7" in refusal(tmp_path, market="seed 8")
    file = checkpoints(tmp_path).path
    file.rename(file.with_name("other.json"))
    with pytest.raises(ConfigurationError, match="expected agent other, found momentum"):
        checkpoints(tmp_path, agent=AgentName("other")).read(TODAY)


def test_each_session_begins_anew_whatever_the_one_before_was_played_on(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    assert checkpoints(tmp_path, market="seed 8").read("2026-11-23") is None
    assert checkpoints(tmp_path).read("2026-11-19") == MEMORY, "of a later one: whoever goes on refuses it"


@pytest.mark.parametrize("version", (0, 2))
def test_another_versions_is_refused_before_it_is_read(version: int, tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    edited(tmp_path, format=version, memory={"what": "it had then"})
    assert f"expected format 1, found format {version}" in refusal(tmp_path)


def test_what_an_edit_left_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path).write(MEMORY)
    edited(tmp_path, memory={})
    assert "it is damaged, or was edited" in refusal(tmp_path)
    edited(tmp_path, more=1)
    assert "unknown field `more`" in refusal(tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path).path.mkdir(parents=True)
    assert "expected a file that can be read" in refusal(tmp_path)


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints(tmp_path).write(MEMORY)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"expected to write a checkpoint, found: .*No space left"):
        checkpoints(tmp_path).write(MEMORY)
    assert checkpoints(tmp_path).read(TODAY) == MEMORY, "the one before stands"
