"""What a journal's file is made of, and how one of an older version becomes one of today.

The schema is the contract of DESIGN 6. Tables are STRICT, rows are only added: triggers refuse everything
else, but for a segment's `sealed_head`, which is set once. Triggers guard against mistakes; against malice
stand the chain of hashes and the signed heads.

A file goes forward only, one version after the other, in one transaction. No step touches a record: a body is
never rewritten, and a kind that has changed is another kind.
"""

import sqlite3
from contextlib import closing

from agenttrader.model.errors import StoreError

APPLICATION_ID = 0x41544A31
"""`ATJ1` in the file's header: what tells a journal from any other SQLite file."""
SCHEMA_VERSION = 2

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
    tables = {"segments": "id", "records": "sequence", "heads": "sequence"}
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


MIGRATIONS = {1: "DROP TABLE snapshots;"}
"""What makes of a file of each older version one of the next.

Version 1 had a table for snapshots of the fold, which nobody wrote: they lie in a file of their own.
"""


def create(connection: sqlite3.Connection) -> None:
    """Make the schema in an empty file, whole or not at all."""
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} {_triggers()} PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the file's schema."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Make of an older file one of today; nothing is done where it is one. `name` says which, in an error.

    Raises StoreError, and leaves the file as it was, where it would not be the same as a new one after it.
    """
    version = version_of(connection)
    if version == SCHEMA_VERSION:
        return
    steps = " ".join(MIGRATIONS[each] for each in range(version, SCHEMA_VERSION))
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION};")
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
            create(new)
            found, expected = _schema_of(connection), _schema_of(new)
        if found != expected:
            odd = ", ".join(sorted({each[0] for each in found ^ expected}))
            raise StoreError(
                f"{name}: expected a journal of version {version} to become one of version {SCHEMA_VERSION}, "
                f"found others than a new one has: {odd}. It was left as it was; read it with the release "
                "that wrote it"
            )
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    return set(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
