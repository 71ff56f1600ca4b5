"""Who may read or replace a file, computed from owners, groups and modes alone.

A mode of 0600 protects nothing in a folder that somebody else may write: they put another file in its place.
So a place is judged with every folder above it. Access lists (ACLs) are not in the modes: they are found by
trying, where the doctor runs as root.
"""

import stat
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

ROOT_UID = 0
READ, WRITE, ENTER = 4, 2, 1


class Guard(StrEnum):
    """What a place must be kept from."""

    SECRET = "secret"  # noqa: S105  a word
    """Its own mode keeps everybody else out."""
    CLOSED = "closed"
    """Nobody else gets at it, be it by its own mode or by that of a folder above."""
    UNWRITTEN = "unwritten"
    """Others may read it, and nobody else may change it."""


class User(Struct, frozen=True, kw_only=True):
    """A user of this machine, with all groups."""

    name: str
    uid: int
    gid: int
    groups: dict[int, str]
    """By number, the user's own among them."""


class Status(Struct, frozen=True, kw_only=True):
    """What the file system says of one file or folder."""

    path: Path
    uid: int
    gid: int
    mode: int
    """Its permissions, with the sticky bit."""
    is_folder: bool


class Tried(Struct, frozen=True, kw_only=True):
    """What the kernel permitted to a process of the agent's user."""

    reads: bool
    writes: bool


class Place(Struct, frozen=True, kw_only=True):
    """A file or folder that a run lives by."""

    subject: str
    path: Path
    guard: Guard
    above: tuple[Status, ...]
    """The folders on the way to it, the root first, links followed."""
    status: Status | None
    """None where there is nothing, or nothing that we may look at: `fault` says which."""
    fault: str = ""
    may_be_absent: bool = False
    named: tuple[Status, ...] = ()
    """The folders of the name as it is written, where a link makes them others."""
    tried: Tried | None = None
    """None where nobody tried."""


def reads(place: Place, user: User | None) -> bool:
    """Whether the user can read it, or what lies in it; None is anybody else, whatever their groups."""
    found = place.status
    if found is None or not _enters(place.above, user):
        return False
    # Who may enter a folder opens what lies in it by name, and the names are no secret.
    wanted = (READ, ENTER) if found.is_folder else (READ,)
    return any(_permits(found, user, bit) for bit in wanted)


def replaces(place: Place, user: User | None) -> Path | None:
    """What lets the user change it or put another in its place: itself, or a folder above; else None."""
    line = (*place.above, place.status) if place.status is not None else place.above
    return _weak_link(line, user) or _weak_link(place.named, user)


def _weak_link(line: tuple[Status, ...], user: User | None) -> Path | None:
    for index, found in enumerate(line):
        if not _enters(line[:index], user):
            return None
        below = line[index + 1] if index + 1 < len(line) else None
        if _changes(found, below, user):
            return found.path
    return None


def _changes(found: Status, below: Status | None, user: User | None) -> bool:
    if user is not None and user.uid == found.uid:
        return True
    if not _permits(found, user, WRITE):
        return False
    is_sticky = bool(found.mode & stat.S_ISVTX)
    # In a sticky folder only its owner and that of the entry replace what is there.
    mine = below is not None and user is not None and below.uid == user.uid
    return not (is_sticky and below is not None and not mine)


def _enters(folders: tuple[Status, ...], user: User | None) -> bool:
    return all(_permits(folder, user, ENTER) for folder in folders)


def _permits(found: Status, user: User | None, bit: int) -> bool:
    """The kernel's rule: the owner's bits, else the group's, else the others'; nothing stops root."""
    if user is None:
        return bool((found.mode | found.mode >> 3) & bit)
    if user.uid == ROOT_UID:
        return True
    if user.uid == found.uid:
        return bool(found.mode >> 6 & bit)
    return bool((found.mode >> 3 if found.gid in user.groups else found.mode) & bit)
