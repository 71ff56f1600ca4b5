"""The runtime state on disk: one file, replaced whole, with its checksum; beside it the one before, as .bak.

{format_version, checksum_algo, checksum, payload}. The checksum is over the payload as JSON with sorted keys
and no blanks, so that anybody can compute it.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.model.errors import StoreError

FORMAT_VERSION = 3
"""1 and 2 were those of the system that this one follows."""
ALGORITHM = "sha256"

_encoder = msgspec.json.Encoder(order="sorted")


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format_version: int
    checksum_algo: str
    checksum: str
    payload: dict[str, Any]


class _Head(Struct, frozen=True):
    format_version: int


class StateFound(Struct, frozen=True, kw_only=True):
    """What a state file says. `file` is the one that was read; `finding` why it is not the first."""

    file: Path
    payload: dict[str, Any]
    finding: str = ""


def write_state(path: Path, payload: Struct) -> None:
    """Put the state in the file's place, and what was there into the backup's. Raises StoreError."""
    plain = msgspec.to_builtins(payload, str_keys=True)
    file = _File(
        format_version=FORMAT_VERSION, checksum_algo=ALGORITHM, checksum=_checksum(plain), payload=plain
    )
    try:
        make_folder(path.parent.absolute())
        if path.exists():
            replace(backup_of(path), path.read_bytes(), 0o600)
        replace(path, msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n", 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: expected to write the runtime state, found: {error.strerror}; make room"
        ) from error


def read_state(path: Path) -> StateFound:
    """The state in the file or, where that is damaged or gone, in its backup, and then the finding says so.

    Raises StoreError where neither says anything.
    """
    try:
        return StateFound(file=path, payload=_read(path))
    except StoreError as error:
        backup = backup_of(path)
        try:
            return StateFound(file=backup, payload=_read(backup), finding=str(error))
        except StoreError as other:
            raise StoreError(f"{error}; {other}") from error


def backup_of(path: Path) -> Path:
    """Where the state of before lies."""
    return path.with_name(f"{path.name}.bak")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Head).format_version
        if version != FORMAT_VERSION:
            raise StoreError(f"{path}: expected format_version {FORMAT_VERSION}, found {version}")
        found = msgspec.json.decode(content, type=_File)
    except OSError as error:
        raise StoreError(f"{path}: expected a runtime state, found: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path}: expected a runtime state, found none: {error}") from error
    if found.checksum_algo != ALGORITHM or found.checksum != _checksum(found.payload):
        raise StoreError(f"{path}: expected the {ALGORITHM} of its payload as checksum, found another")
    return found.payload


def _checksum(payload: dict[str, Any]) -> str:
    return hashlib.sha256(_encoder.encode(payload)).hexdigest()
