"""Verify a journal: does it stand as it was written?"""

from pathlib import Path

from msgspec import Struct

from agenttrader.app.journals.wiring import find_archive
from agenttrader.ports.journal import Verification


class Verified(Struct, frozen=True, kw_only=True):
    """Which file was held against the heads of which folder, and what was found."""

    journal: Path
    heads: Path | None
    found: Verification


def verify(path: Path, heads: Path | None = None, key: Path | None = None) -> Verified:
    """Verify the journal that `path` means; ConfigurationError or StoreError where there is nothing to."""
    archive = find_archive(path, heads, key)
    return Verified(journal=archive.journal, heads=archive.heads, found=archive.verify())
