"""The section of a configuration about comparing our books with the broker's. `docs/reconciliation.md`."""

from agenttrader.app.section import Section
from agenttrader.model.errors import BadValue


class Reconciliation(Section, frozen=True):
    """How often the books are compared, and how old a comparison may be, by the market's time."""

    every_seconds: int
    """From the beginning of one run to that of the next: orders, fills, positions and cash, all in each."""
    age_seconds_max: int
    """How old the last run that did not fail may be; older, and nothing new leaves until one succeeds."""
    reports: str
    """The folder of the runs' reports: a file a day, a line a run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.age_seconds_max <= self.every_seconds:
            raise BadValue(
                f"age_seconds_max: expected more than every_seconds, {self.every_seconds}, found "
                f"{self.age_seconds_max}: each comparison would be too old before the next"
            )
