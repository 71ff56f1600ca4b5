"""Which build runs: the commit and the build's own number, for logs, journal segments and reports."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

CHECKOUT = Path(__file__).parents[3]
UNKNOWN = "unknown"


class Build(Struct, frozen=True):
    """The commit that the code was built from and the build's id; `unknown` where nobody said."""

    git_sha: str
    build_id: str


def read_build(environment: Mapping[str, str], checkout: Path = CHECKOUT) -> Build:
    """What `GIT_SHA` and `BUILD_ID` say, as images have them; without them, the checkout's commit."""
    return Build(
        environment.get("GIT_SHA") or _head(checkout / ".git"), environment.get("BUILD_ID") or UNKNOWN
    )


def _head(git: Path) -> str:
    """The commit that HEAD names, read from git's own files: no git program is needed."""
    try:
        if git.is_file():  # a linked work tree names its folder, and that names the repository's
            git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        return _reference(git, head.removeprefix("ref: "))
    except OSError:
        return UNKNOWN


def _reference(git: Path, name: str) -> str:
    shared = git / "commondir"
    repository = (git / shared.read_text().strip()).resolve() if shared.exists() else git
    loose = repository / name
    if loose.exists():
        return loose.read_text().strip()
    for line in (repository / "packed-refs").read_text().splitlines():
        digest, _, packed = line.partition(" ")
        if packed == name:
            return digest
    return UNKNOWN
