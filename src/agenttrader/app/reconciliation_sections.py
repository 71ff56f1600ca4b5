"""The section of a configuration about comparing our books with the broker's. `docs/reconciliation.md`."""

from agenttrader.app.section import Section
from agenttrader.model.errors import BadValue
from agenttrader.reconciliation.structure import Grace


class Reconciliation(Section, frozen=True):
    """How often the books are compared, and how old a comparison may be, by the market's time."""

    every_seconds: int
    """From the beginning of one run to that of the next: orders, fills, positions and cash, all in each."""
    age_seconds_max: int
    """How old the last run that did not fail may be; older, and nothing new leaves until one succeeds."""
    structure_opening_seconds: int
    """How long a spread or bracket may be out of shape after a fill of its entry."""
    structure_seconds: int
    """How long after a later fill in it: legs are closed one by one."""
    reports: str
    """The folder of the runs' reports: a file a day, a line a run."""

    @property
    def structure_grace(self) -> Grace:
        """The same, as reconciliation takes it."""
        return Grace(opening_seconds=self.structure_opening_seconds, later_seconds=self.structure_seconds)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.age_seconds_max <= self.every_seconds:
            raise BadValue(
                f"age_seconds_max: expected more than every_seconds, {self.every_seconds}, found "
                f"{self.age_seconds_max}: each comparison would be too old before the next"
            )
