"""Keep what a journal's records came to, so that the next start has little to fold; beside a gateway, too."""

from pathlib import Path

from msgspec import Struct

from agenttrader.app.config import load
from agenttrader.app.journals.wiring import folding_of


class KeptFold(Struct, frozen=True, kw_only=True):
    """Which journal was folded, how many records it has, for how many a fold was read, and what was written.

    `thrown_away` says why the fold that was there was of no use; it is empty where it was.
    """

    journal: Path
    records: int
    of_which_kept: int
    thrown_away: str
    file: Path


def fold(file: Path) -> KeptFold:
    """Fold the journal that the configuration in `file` names, and keep the fold.

    Raises ConfigurationError where there is none, TamperingFound where its chain does not hold, and
    StoreError where the fold cannot be written.
    """
    folding, journal, written = folding_of(load(file))
    found = folding.fold()
    if found.kept < found.chain.sequence:
        folding.write(found.state, found.chain)
    return KeptFold(
        journal=journal,
        records=found.chain.sequence,
        of_which_kept=found.kept,
        thrown_away=found.thrown_away,
        file=written,
    )
