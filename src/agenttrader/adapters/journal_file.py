"""The journal's file: how it is opened, and the file systems it may lie on."""

import sqlite3
import sys
from pathlib import Path

from agenttrader.adapters.durable_files import sync_folder
from agenttrader.adapters.journal_schema import (
    APPLICATION_ID,
    MIGRATIONS,
    SCHEMA_VERSION,
    create,
    migrate,
    version_of,
)
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName

BUSY_SECONDS_MAX = 1.0
"""How long a commit waits for somebody who holds the file with a tool of their own."""

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
        create(connection)
        sync_folder(path.parent)
    else:
        migrate(connection, str(path))


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = version_of(connection)
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: expected a journal of AgentTrader, found another SQLite file")
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise StoreError(
            f"{path}: expected a journal of version {SCHEMA_VERSION} at most, found {version}; "
            "read it with the release that wrote it"
        )
