"""Sessions kept as plain data beside the library that knows them, as Python keeps what it has compiled.

To ask the library takes each process half a second and sixty megabytes (pandas), and the same library with
the same time zones always says the same. So what it said is kept in its own folder: whoever can write there
can change the library, too. What is not whole, or was said by another version, is not believed; where nothing
can be written, nothing is kept.
"""

import contextlib
import hashlib
import zoneinfo
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from agenttrader.adapters.durable_files import replace
from agenttrader.model.identifiers import Digest, digest_of
from agenttrader.model.sessions import Session

LIBRARY = "exchange_calendars"


class _Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    of: tuple[str, ...]
    """Exchange, first and last date, and who said so."""
    sha256: Digest
    sessions: tuple[Session, ...]


_decoder = msgspec.json.Decoder(_Kept)


class KeptSessions:
    """What was said of exchanges, in the files of a folder; `version` names who said it."""

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder
        self._version = version

    def read(self, name: str, first: str, last: str) -> tuple[Session, ...] | None:
        """The sessions of that question as they were said; None where they have to be asked for."""
        of = (name, first, last, self._version)
        try:
            kept = _decoder.decode(self._path(of).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        return kept.sessions if kept.of == of and kept.sha256 == _digest(kept.sessions) else None

    def keep(self, name: str, first: str, last: str, sessions: tuple[Session, ...]) -> None:
        """Keep what was said, where that can be done."""
        of = (name, first, last, self._version)
        kept = _Kept(of=of, sha256=_digest(sessions), sessions=sessions)
        with contextlib.suppress(OSError):  # It is asked for again the next time.
            replace(self._path(of), msgspec.json.encode(kept))

    def _path(self, of: tuple[str, ...]) -> Path:
        name = hashlib.sha256(msgspec.json.encode(of)).hexdigest()[:32]
        return self._folder / f"agenttrader-sessions-{name}.json"


def beside_the_library() -> KeptSessions:
    """What the installed library said, with the time zones of this machine."""
    found = find_spec(LIBRARY)
    assert found is not None, f"{LIBRARY}: expected it to be installed, as it is locked"
    assert found.origin is not None, f"{LIBRARY}: expected a package with files, found {found}"
    versions = (metadata.version(LIBRARY), metadata.version("tzdata"), _zones())
    return KeptSessions(Path(found.origin).parent / "__pycache__", " ".join(versions))


def _zones() -> str:
    """Which time zones the machine has; empty where the package's are all there are."""
    for folder in zoneinfo.TZPATH:
        with contextlib.suppress(OSError):
            stated = Path(folder, "tzdata.zi").stat()
            return f"{stated.st_size}-{stated.st_mtime_ns}"
    return ""


def _digest(sessions: tuple[Session, ...]) -> Digest:
    return digest_of(msgspec.json.encode(sessions))
