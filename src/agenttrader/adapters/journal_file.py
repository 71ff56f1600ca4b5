"""The journal's file: its schema, how it is opened, and the file systems it may lie on.

The schema is the contract of DESIGN 6. Tables are STRICT, rows are only added: triggers refuse everything
else, but for a segment's `sealed_head`, which is set once. Triggers guard against mistakes; against malice
stand the chain of hashes and the signed heads.
"""

import sqlite3
import sys
from pathlib import Path

from agenttrader.adapters.durable_files import sync_folder
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName

APPLICATION_ID = 0x41544A31
"""`ATJ1` in the file's header: what tells a journal from any other SQLite file."""
SCHEMA_VERSION = 1
BUSY_SECONDS_MAX = 1.0
"""How long a commit waits for somebody who holds the file with a tool of their own."""

_TABLES = """
CREATE TABLE segments (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL UNIQUE,
    configuration TEXT NOT NULL,
    code TEXT NOT NULL,
    parameters TEXT NOT NULL,
    calendar TEXT NOT NULL,
    previous_head TEXT NOT NULL,
    sealed_head TEXT
) STRICT;
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL REFERENCES segments (id),
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE heads (
    sequence INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE TABLE snapshots (
    sequence INTEGER PRIMARY KEY,
    format TEXT NOT NULL,
    body BLOB NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER segments_seal BEFORE UPDATE ON segments
WHEN OLD.sealed_head IS NOT NULL OR NEW.sealed_head IS NULL
    OR (OLD.id, OLD.session, OLD.account, OLD.epoch,
        OLD.configuration, OLD.code, OLD.parameters, OLD.calendar, OLD.previous_head)
    IS NOT (NEW.id, NEW.session, NEW.account, NEW.epoch,
        NEW.configuration, NEW.code, NEW.parameters, NEW.calendar, NEW.previous_head)
BEGIN SELECT RAISE(ABORT, 'of a segment only sealed_head is set, and once'); END;
"""


def _triggers() -> str:
    """What refuses every change, removal and replacement (which removes without being asked)."""
    tables = {"segments": "id", "records": "sequence", "heads": "sequence", "snapshots": "sequence"}
    refusals = [
        ("append", f"INSERT ON {table} WHEN NEW.{key} <= (SELECT max({key}) FROM {table})", table)  # noqa: S608
        for table, key in tables.items()
    ]
    refusals += [("keep", f"DELETE ON {table}", table) for table in tables]
    refusals += [("unchanged", f"UPDATE ON {table}", table) for table in tables if table != "segments"]
    return "\n".join(
        f"CREATE TRIGGER {table}_{name} BEFORE {act} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are only added at the end, never changed or removed'); END;"
        for name, act, table in refusals
    )


NETWORK_FILE_SYSTEMS = frozenset(
    (
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    )
)
"""Where locks and shared memory do not reach every machine, so that two writers could be at work."""


def journal_path(folder: Path, account: AccountName) -> Path:
    """Where the journal of `account` lies in the store's folder: one file an account."""
    if not account or account.startswith(".") or "/" in account or "\0" in account:
        raise StoreError(f"{folder}: expected an account's name that a file can have, found {account!r}")
    return folder / f"{account}.journal"


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The store at `path`, made if it does not exist; whoever calls this holds the store's lock.

    Raises StoreError where it is no journal or cannot be used.
    """
    refuse_network(path.parent)
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise StoreError(f"{path}: expected a journal that can be written, found: {error}") from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: expected a journal that can be written, found: {error}") from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, busy_seconds: float = BUSY_SECONDS_MAX) -> sqlite3.Connection:
    """The store at `path`, to be read beside its writer. Raises StoreError where there is none.

    Where somebody holds it with a tool of their own, it waits for so many seconds.
    """
    if not path.is_file():
        raise StoreError(f"{path}: expected a journal, found no such file")
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise StoreError(f"{path}: expected a journal that can be read, found: {error}") from error
    try:
        _recognise(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: expected a journal that can be read, found: {error}") from error
    except StoreError:
        connection.close()
        raise
    return connection


def refuse_network(folder: Path) -> None:
    """Raise StoreError where `folder` lies on a network file system, or where the kernel does not say."""
    if sys.platform != "linux":
        return
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise StoreError(
            f"{folder}: expected to learn its file system from /proc/mounts, found: {error.strerror}"
        ) from error
    kind = file_system_of(folder.resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"{folder}: expected a local disk, found {kind}: on a network file system a journal can have two "
            "writers and lose what was committed. Put the store on a disk of this machine"
        )


def file_system_of(folder: Path, mounts: str) -> str:
    """The type of the file system that holds `folder`, a resolved path, by the text of /proc/mounts."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        _, point, found, *_ = line.split(" ")
        mounted = Path(point.encode().decode("unicode_escape"))  # Blanks stand there as \040.
        if folder.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), found
    return kind


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    is_new = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not is_new:
        _recognise(connection, path)
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"{path}: expected a file system that lets SQLite write ahead (WAL), found {mode}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if is_new:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} {_triggers()} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
        sync_folder(path.parent)


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: expected a journal of AgentTrader, found another SQLite file")
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{path}: expected a journal of version {SCHEMA_VERSION}, found {version}; "
            "read it with the release that wrote it"
        )
