import json
from pathlib import Path
from typing import Any

import pytest

from agenttrader.adapters.agent_keys import AgentKeys, read_keys, write_keys
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import SECOND, Instant, from_rfc3339

MADE = "2026-11-20T14:30:00Z"
NOW = from_rfc3339(MADE)
BOT, OTHER = AgentName("bot"), AgentName("other")
ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)


def key(agent: AgentName = BOT, sha256: str = ONE, ends: str | None = None) -> AgentKey:
    return AgentKey(agent=agent, sha256=sha256, made=MADE, ends=ends)


class Clock:
    now = NOW

    def __call__(self) -> Instant:
        return self.now


def known(file: Path, clock: Clock | None = None) -> AgentKeys:
    return AgentKeys(file, frozenset({BOT, OTHER}), clock or Clock())


def test_who_has_a_key_is_known_by_it(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "agents.json"
    write_keys(file, (key(), key(OTHER, TWO)))
    keys = known(file)
    assert dict(keys) == {ONE: BOT, TWO: OTHER}
    assert keys.get(THREE) is None
    assert read_keys(file) == (key(), key(OTHER, TWO))
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_changes_counts_from_the_next_look_on(tmp_path: Path) -> None:
    file = tmp_path / "agents.json"
    write_keys(file, (key(),))
    keys = known(file)
    assert keys.get(ONE) == BOT
    write_keys(file, (key(sha256=TWO),))
    assert (keys.get(ONE), keys.get(TWO)) == (None, BOT)
    file.unlink()
    assert (len(keys), "expected the agents' keys, found: No such file" in keys.trouble) == (0, True)
    write_keys(file, (key(),))
    assert (keys.get(ONE), keys.trouble) == (BOT, "")


def test_a_key_ends_with_its_time(tmp_path: Path) -> None:
    file, clock = tmp_path / "agents.json", Clock()
    write_keys(file, (key(ends="2026-11-20T14:30:10Z"), key(sha256=TWO)))
    keys = known(file, clock)
    clock.now = Instant(NOW + 10 * SECOND - 1)
    assert len(keys) == 2
    clock.now = Instant(NOW + 10 * SECOND)
    assert dict(keys) == {TWO: BOT}


def test_a_key_of_somebody_whom_the_configuration_does_not_know_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "agents.json"
    write_keys(file, (key(AgentName("stranger")),))
    assert not known(file)


GOOD: dict[str, Any] = {"format": 1, "keys": [{"agent": "bot", "sha256": ONE, "made": MADE}]}


@pytest.mark.parametrize(
    "content",
    (
        b"",
        b"{",
        b"\xff",
        b"[]",
        json.dumps(GOOD | {"format": 2}).encode(),
        json.dumps(GOOD | {"more": 1}).encode(),
        json.dumps(GOOD | {"keys": GOOD["keys"] * 2}).encode(),
        json.dumps(GOOD | {"keys": [{"agent": "bot", "sha256": "A" * 64, "made": MADE}]}).encode(),
        json.dumps(GOOD | {"keys": [{"agent": "", "sha256": ONE, "made": MADE}]}).encode(),
        json.dumps(GOOD | {"keys": [{"agent": "bot", "sha256": ONE, "made": "today"}]}).encode(),
        json.dumps(GOOD | {"keys": [{"agent": "bot", "sha256": ONE, "made": MADE, "role": "x"}]}).encode(),
    ),
)
def test_a_file_that_is_not_as_it_was_written_knows_nobody(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "agents.json"
    file.write_bytes(content)
    keys = known(file)
    assert not keys
    assert keys.trouble
    with pytest.raises(StoreError):
        read_keys(file)
    file.write_bytes(json.dumps(GOOD).encode())
    assert dict(keys) == {ONE: BOT}


def test_what_is_no_file_knows_nobody(tmp_path: Path) -> None:
    assert not known(tmp_path)
    with pytest.raises(StoreError, match="expected to read the agents' keys"):
        read_keys(tmp_path)
    assert read_keys(tmp_path / "none") == ()


def test_a_disk_that_does_not_take_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="nothing has changed"):
        write_keys(tmp_path / "file" / "agents.json", (key(),))


def test_a_key_is_a_hash_a_name_and_a_time() -> None:
    with pytest.raises(BadValue, match="sha256: expected 64 hexadecimal digits"):
        key(sha256="0")
