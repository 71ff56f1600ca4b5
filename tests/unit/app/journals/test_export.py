import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrader.app.journals.export import write
from agenttrader.model.errors import BadValue, StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.record_lines import line_of
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.testing.events import filled, opened, sealed

RECORDS = [*sealed(Chain(), opened(), filled(1)), *sealed(Chain(2, "a" * 64), filled(2))]


def test_every_hash_can_be_computed_from_the_line_alone() -> None:
    record = Chain().seal(filled(1), Instant(1_795_185_000_123_456_789))
    text = line_of(record).decode()
    line = json.loads(text)
    body = text[text.index('"event":') + len('"event":') : -1].encode()
    kind = line["kind"].encode()
    content = (
        bytes.fromhex(line["previous"])
        + line["sequence"].to_bytes(8, "big")
        + from_rfc3339(line["time"]).to_bytes(8, "big", signed=True)
        + len(kind).to_bytes(2, "big")
        + kind
        + body
    )
    assert hashlib.sha256(content).hexdigest() == line["hash"] == record.hash
    assert line["event"]["order_id"] == "order-1"


def test_the_digest_beside_the_file_is_the_files(tmp_path: Path) -> None:
    file = tmp_path / "a" / "day.jsonl"
    count, digest = write(RECORDS, file)
    assert (count, digest) == (3, hashlib.sha256(file.read_bytes()).hexdigest())
    assert file.read_bytes() == b"".join(line_of(record) + b"\n" for record in RECORDS)
    assert (file.parent / "day.jsonl.sha256").read_text() == f"{digest}  day.jsonl\n"
    assert sorted(path.name for path in file.parent.iterdir()) == ["day.jsonl", "day.jsonl.sha256"]


@pytest.mark.parametrize("name", ("day.jsonl", "day.jsonl.sha256"))
def test_what_is_there_is_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(BadValue, match=f"{name}: expected a new file for the export, found one"):
        write(RECORDS, tmp_path / "day.jsonl")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_nothing_is_left_of_an_export_that_met_tampering(tmp_path: Path) -> None:
    def tampered() -> Iterator[Sealed[Event]]:
        yield from RECORDS
        raise TamperingFound(4, "it is missing")

    with pytest.raises(TamperingFound):
        write(tampered(), tmp_path / "day.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_does_not_take_it_is_named(tmp_path: Path) -> None:
    (tmp_path / ".day.jsonl.new").mkdir()
    with pytest.raises(StoreError, match="expected to write the export, found: "):
        write(RECORDS, tmp_path / "day.jsonl")
