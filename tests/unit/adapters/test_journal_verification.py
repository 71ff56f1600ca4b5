"""One journal, tampered with in every way that we know; each time the finding names the record."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agenttrader.adapters.journal_heads import OutsideHeads, load_or_make_key, load_public_key, sign_head
from agenttrader.adapters.journal_reader import read_records
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event, SegmentSealed
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Instant
from agenttrader.ports.journal import Snapshot, Verification
from agenttrader.testing.events import filled, opened, sealed

ACCOUNT = AccountName("SIM-1")


class World:
    """A journal of two segments, ten records, and heads at records 4, 6 and 10, closed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store" / "SIM-1.journal"
        self.heads = folder / "heads"
        self.keys = folder / "keys"
        if not self.path.exists():
            self._write()
        self.records: list[Sealed[Event]] = list(read_records(self.path))
        self.key: Ed25519PublicKey = load_public_key(self.keys)

    def _write(self) -> None:
        chain = Chain()
        with closing(self.open()) as journal:
            journal.append(sealed(chain, opened(), filled(1), filled(2), filled(3)))
            journal.sign_head()
            journal.append(sealed(chain, filled(4), SegmentSealed(reason="end of session")))
        with closing(self.open()) as journal:
            journal.append(sealed(chain, opened(epoch=2), filled(5), filled(6), filled(7)))

    def open(self) -> SqliteJournal:
        return SqliteJournal(self.path, account=ACCOUNT, heads_folder=self.heads, key_folder=self.keys)

    def verify(self) -> Verification:
        return verify(self.path, self.heads, self.key)

    def tamper(self, *statements: str) -> None:
        """What somebody with the file and a tool of SQLite can do."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert connection.execute(statement).rowcount != 0, statement

    @property
    def outside(self) -> OutsideHeads:
        return OutsideHeads(self.heads, self.path)

    def private_key(self) -> Ed25519PrivateKey:
        return load_or_make_key(self.keys)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One world for all: copying it is quicker than waiting for the disk again."""
    folder = tmp_path_factory.mktemp("world")
    World(folder)
    return folder


@pytest.fixture
def world(tmp_path: Path, template: Path) -> World:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return World(tmp_path)


def test_a_sound_journal_verifies(world: World) -> None:
    assert world.verify() == Verification(
        records=10,
        written=10,
        head=world.records[-1].hash,
        anchored=10,
        epoch=2,
        verified=True,
        finding="",
        record=None,
    )


def test_an_empty_journal_verifies(tmp_path: Path) -> None:
    path = tmp_path / "store" / "SIM-1.journal"
    with closing(
        SqliteJournal(path, account=ACCOUNT, heads_folder=tmp_path / "heads", key_folder=tmp_path)
    ) as journal:
        found = verify(path, tmp_path / "heads", journal.public_key)
    assert (found.records, found.verified) == (0, True)


def test_a_signed_fold_is_one_more_signed_head(world: World) -> None:
    """It finds a tail that was cut, and a chain that was made anew, where no head lies so far."""
    with closing(world.open()) as journal:
        last = world.records[-1]
        chain = Chain(last.sequence, last.hash)
        records = sealed(chain, opened(epoch=3), filled(8))
        journal.append(records)
        journal.keep(Snapshot(sequence=12, head=chain.head, made_by=Digest(""), body=b"what it came to"))
        heads = world.outside.path.read_bytes()
    world.outside.path.write_bytes(heads)  # As if the process had died: no head was signed at its end.
    world.tamper("DELETE FROM heads WHERE sequence > 10")
    assert world.verify().verified
    anew = Chain(11, records[0].hash).seal(filled(9), Instant(99))
    changes = f"time = 99, body = x'{anew.body.hex()}', hash = '{anew.hash}'"
    world.tamper(f"UPDATE records SET {changes} WHERE sequence = 12")  # noqa: S608 - our own words
    found = world.verify()
    assert found.record == 12
    assert found.finding.startswith(f"a fold that our key signed gives it hash {chain.head[:16]}…")
    world.tamper("DELETE FROM records WHERE sequence = 12")
    found = world.verify()
    assert (found.record, found.finding) == (
        12,
        "it is missing: a fold that our key signed goes up to it; the tail is cut",
    )
    fold = world.path.with_name(f"{world.path.name}.fold")
    fold.write_bytes(fold.read_bytes().replace(b'"sequence":12', b'"sequence":99'))
    assert world.verify().verified  # What nobody signed says nothing.


NOT_COVERED = "its hash does not cover"
SWAP = (
    "UPDATE records SET sequence = -1 WHERE sequence = 5",
    "UPDATE records SET sequence = 5 WHERE sequence = 6",
    "UPDATE records SET sequence = 6 WHERE sequence = -1",
)
CHANGE_A_BYTE = """
    UPDATE records SET body = CAST(replace(CAST(body AS TEXT), '.03', '.04') AS BLOB) WHERE sequence = 4
"""
COPY_OF_THE_LAST_SEGMENT = """
    SELECT 3, session, account, 3, configuration, code, parameters, calendar, previous_head, NULL
    FROM segments WHERE id = 2
"""
TAMPERINGS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "a byte of the body": (
        (CHANGE_A_BYTE,),
        4,
        NOT_COVERED,
    ),
    "the time": (("UPDATE records SET time = time + 1 WHERE sequence = 3",), 3, NOT_COVERED),
    "the kind": (
        ("UPDATE records SET kind = 'rejected.1' WHERE sequence = 8",),
        8,
        NOT_COVERED,
    ),
    "the hash": (
        ("UPDATE records SET hash = replace(hash, substr(hash, 1, 1), 'f') WHERE sequence = 10",),
        10,
        NOT_COVERED,
    ),
    "a hash that is none": (
        ("UPDATE records SET hash = 'none' WHERE sequence = 2",),
        2,
        NOT_COVERED,
    ),
    "the previous hash": (
        ("UPDATE records SET previous = hash WHERE sequence = 5",),
        5,
        NOT_COVERED,
    ),
    "a previous hash that is none": (
        ("UPDATE records SET previous = 'none' WHERE sequence = 5",),
        5,
        NOT_COVERED,
    ),
    "a previous hash in capitals": (
        ("UPDATE records SET previous = upper(previous) WHERE sequence = 5",),
        5,
        "as its predecessor: expected",
    ),
    "a body that is no event": (
        ("UPDATE records SET body = x'00' WHERE sequence = 5",),
        5,
        NOT_COVERED,
    ),
    "a cut tail": (("DELETE FROM records WHERE sequence > 8",), 9, "names record 10; the tail is cut"),
    "a tail cut with its heads": (
        ("DELETE FROM records WHERE sequence > 8", "DELETE FROM heads WHERE sequence > 8"),
        9,
        "names record 10; the tail is cut",
    ),
    "everything removed": (
        ("DELETE FROM records", "DELETE FROM heads", "DELETE FROM segments"),
        1,
        "names record 4; the tail is cut",
    ),
    "a swapped pair": (SWAP, 5, NOT_COVERED),
    "a removed record": (
        ("DELETE FROM records WHERE sequence = 7",),
        7,
        "it is missing: expected it before record 8",
    ),
    "the first record removed": (("DELETE FROM records WHERE sequence = 1",), 1, "it is missing"),
    "a record removed and the others moved up": (
        (
            "DELETE FROM records WHERE sequence = 7",
            "UPDATE records SET sequence = sequence - 1 WHERE sequence > 7",
        ),
        7,
        NOT_COVERED,
    ),
    "a record filed under another segment": (
        ("UPDATE records SET segment = 1 WHERE sequence = 9",),
        9,
        "it is filed under segment 1: expected segment 2",
    ),
    "a seal": (
        ("UPDATE segments SET sealed_head = previous_head WHERE id = 1",),
        6,
        "whose row has another seal",
    ),
    "a seal removed": (
        ("UPDATE segments SET sealed_head = NULL WHERE id = 1",),
        6,
        "whose row has another seal",
    ),
    "a seal made up": (
        ("UPDATE segments SET sealed_head = previous_head WHERE id = 2",),
        10,
        "its segment's row is sealed, but no record seals it",
    ),
    "a segment's row removed": (
        ("DELETE FROM segments WHERE id = 2",),
        7,
        "it opens a segment that has no row",
    ),
    "a segment's row made up": (
        (f"INSERT INTO segments {COPY_OF_THE_LAST_SEGMENT}",),
        11,
        "expected the record that opened segment 3",
    ),
    "a forged head in the store": (
        ("UPDATE heads SET signature = (SELECT signature FROM heads WHERE sequence = 6) WHERE sequence = 4",),
        4,
        "is not signed by our key",
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_and_the_record_named(world: World, what: str) -> None:
    statements, record, finding = TAMPERINGS[what]
    world.tamper(*statements)
    found = world.verify()
    assert not found.verified
    assert found.record == record
    assert finding in found.finding


@pytest.mark.parametrize(
    "column",
    ("session", "account", "epoch", "configuration", "code", "parameters", "calendar", "previous_head"),
)
def test_a_changed_segment_is_found_at_the_record_that_opened_it(world: World, column: str) -> None:
    value = "9" if column == "epoch" else "'0000'"
    world.tamper(f"UPDATE segments SET {column} = {value} WHERE id = 2")  # noqa: S608
    found = world.verify()
    assert (found.verified, found.record) == (False, 7)
    assert f"it says {column} " in found.finding


def _remake(world: World, *, after: int) -> None:
    """The chain made anew from a record on, with another fill, by somebody without our key."""
    kept = world.records[:after]
    chain = Chain(after, kept[-1].hash)
    changes = []
    for number, old in enumerate(world.records[after:]):
        event = filled(99) if number == 0 else old.event
        new = chain.seal(event, old.time)
        changes.append(
            f"UPDATE records SET kind = '{new.kind}', body = x'{new.body.hex()}', "  # noqa: S608
            f"previous = '{new.previous}', hash = '{new.hash}' WHERE sequence = {new.sequence}"
        )
    sealed_head = next((change for change in changes if "sequence = 6" in change), None)
    world.tamper(*changes)
    with closing(sqlite3.connect(world.path)) as connection:
        rows = dict(connection.execute("SELECT sequence, hash FROM records").fetchall())
    if sealed_head:
        world.tamper(f"UPDATE segments SET sealed_head = '{rows[6]}' WHERE id = 1")  # noqa: S608
        world.tamper(f"UPDATE segments SET previous_head = '{rows[6]}' WHERE id = 2")  # noqa: S608


@pytest.mark.parametrize(("after", "record"), ((2, 4), (4, 6), (7, 10)))
def test_a_chain_made_anew_is_found_by_the_first_head_after_the_change(
    world: World, after: int, record: int
) -> None:
    _remake(world, after=after)
    found = world.verify()
    assert (found.verified, found.record) == (False, record)
    assert "the chain was made anew" in found.finding
    with pytest.raises(TamperingFound, match="the chain was made anew"):
        world.open()


def _rewrite_heads(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[World], None]:
    def tamper(world: World) -> None:
        path = world.outside.path
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return tamper


def _sign_with_another_key(world: World) -> None:
    forged = sign_head(Ed25519PrivateKey.generate(), ACCOUNT, 9, world.records[8].hash)
    world.outside.append(forged)


def _forge_a_tail(world: World) -> None:
    world.outside.append(sign_head(Ed25519PrivateKey.generate(), ACCOUNT, 20, "0" * 64))


def _name_our_key(world: World) -> None:
    head = world.outside.read()[-1]
    world.outside.append(msgspec.structs.replace(head, sequence=9, hash=world.records[8].hash))


def _fork(world: World) -> None:
    world.outside.append(sign_head(world.private_key(), ACCOUNT, 10, "0" * 64))
    world.outside.append(sign_head(world.private_key(), ACCOUNT, 10, world.records[9].hash))


def _another_account(world: World) -> None:
    world.outside.append(sign_head(world.private_key(), AccountName("SIM-2"), 9, world.records[8].hash))


def _remove_all_heads(world: World) -> None:
    shutil.rmtree(world.heads)
    world.tamper("DELETE FROM heads")


HEAD_TAMPERINGS: dict[str, tuple[Callable[[World], None], int | None, str]] = {
    "no heads outside": (lambda world: shutil.rmtree(world.heads), 4, "is missing in"),
    "no heads at all": (
        _remove_all_heads,
        1,
        "no signed head covers it",
    ),
    "the last head outside removed": (_rewrite_heads(lambda lines: lines[:-1]), 10, "is missing in"),
    "a head outside removed": (_rewrite_heads(lambda lines: lines[:1] + lines[2:]), 6, "is missing in"),
    "a line that is no head": (
        _rewrite_heads(lambda lines: [*lines, b"{}\n"]),
        None,
        "line 4: expected a signed head",
    ),
    "another key": (_sign_with_another_key, 9, "is not signed by our key"),
    "another key beyond the end": (_forge_a_tail, 20, "is not signed by our key"),
    "our key's name on another signature": (_name_our_key, 9, "is not signed by our key"),
    "two heads of one record": (_fork, 10, "the journal was forked"),
    "the head of another account": (_another_account, 9, "signed for account SIM-2"),
}


@pytest.mark.parametrize("what", HEAD_TAMPERINGS)
def test_heads_that_do_not_hold_are_found(world: World, what: str) -> None:
    tamper, record, finding = HEAD_TAMPERINGS[what]
    tamper(world)
    found = world.verify()
    assert (found.verified, found.record, found.records) == (False, record, 10)
    assert finding in found.finding


def test_the_key_of_another_store_finds_nothing_signed(world: World) -> None:
    found = verify(world.path, world.heads, Ed25519PrivateKey.generate().public_key())
    assert (found.verified, found.record) == (False, 4)
    assert "is not signed by our key" in found.finding


def test_a_head_that_was_being_written_when_the_power_went_is_no_finding(world: World) -> None:
    path = world.outside.path
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:50])
    assert world.verify().verified


def test_every_damaged_byte_of_the_file_is_found_or_harmless(world: World) -> None:
    """The file's free space may change; what is read may not."""
    sound = world.path.read_bytes()
    missed = 0
    for place in range(100, len(sound), 701):
        damaged = bytearray(sound)
        damaged[place] ^= 0x55
        world.path.write_bytes(damaged)
        try:
            found = world.verify()
        except StoreError:
            continue
        if found.verified:
            assert (found.records, found.head) == (10, world.records[-1].hash)
            missed += 1
    assert missed < len(range(100, len(sound), 701))


def test_verifies_while_it_is_written(world: World) -> None:
    chain = Chain(10, world.records[-1].hash)

    def write() -> None:
        with closing(world.open()) as journal:
            journal.append(sealed(chain, opened(epoch=3)))
            for number in range(100):
                journal.append(sealed(chain, filled(number)))
                journal.sign_head()

    writer = threading.Thread(target=write)
    writer.start()
    found = [world.verify()]
    while writer.is_alive():
        found.append(world.verify())
    writer.join()
    assert [each for each in found if not each.verified] == []
    assert world.verify().records == 111


def test_a_torn_log_opens_to_a_prefix_and_a_head_beyond_it_says_so(tmp_path: Path) -> None:
    """What a power cut leaves is a whole number of commits; a signed head knows of more."""
    world = World(tmp_path / "whole")
    chain = Chain(10, world.records[-1].hash)
    journal = world.open()
    journal.append(sealed(chain, opened(epoch=3)))
    journal.sign_head()
    for number in range(8):
        journal.append(sealed(chain, filled(number), filled(number)))
    log = world.path.with_name(world.path.name + "-wal").read_bytes()
    store = world.path.read_bytes()
    torn = tmp_path / "torn" / "store" / "SIM-1.journal"
    torn.parent.mkdir(parents=True)
    seen = set()
    for length in (*range(0, len(log), 997), len(log)):
        for left_over in torn.parent.iterdir():
            left_over.unlink()
        torn.write_bytes(store)
        torn.with_name(torn.name + "-wal").write_bytes(log[:length])
        found = verify(torn, world.heads, world.key)
        seen.add(found.records)
        if found.records < 11:
            assert (found.verified, found.record) == (False, found.records + 1)
            assert "the tail is cut" in found.finding
            with pytest.raises(TamperingFound, match="the tail is cut"):
                SqliteJournal(torn, account=ACCOUNT, heads_folder=world.heads, key_folder=world.keys)
        else:
            assert (found.verified, found.anchored, found.records % 2) == (True, 11, 1)
    journal.close()
    assert seen >= {10, 11, 13, 27}


def test_says_where_there_is_nothing_to_verify(world: World, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a journal, found no such file"):
        verify(tmp_path / "none", world.heads, world.key)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(StoreError, match="expected a journal of AgentTrader, found another SQLite file"):
        verify(other, world.heads, world.key)
    other.write_text("not a database" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        verify(other, world.heads, world.key)
