"""The section of a configuration that says who the broker is. `docs/brokers.md` explains."""

from collections.abc import Callable, Iterable, Iterator

from agenttrader.app.section import Section
from agenttrader.model.authority import Mode
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AccountName
from agenttrader.protocols.alpaca_surroundings import Surroundings


class Conformance(Section, frozen=True):
    """The exams that a real account rests on: a table of Alpaca's accounts alone, without a default there."""

    reports: str
    """The folder where they are kept."""
    age_days_max: int
    """How old the newest may be."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.age_days_max < 1:
            raise BadValue(f"age_days_max: expected at least 1, found {self.age_days_max}")


class Broker(Section, frozen=True):
    """Which broker the account is at: `venue`, `alpaca_paper` or `alpaca_live`, and where that is."""

    kind: Surroundings
    address: str | None = None
    """Alpaca's. The venue takes any free port, and announces it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.is_simulated:
            if self.address is not None:
                raise BadValue("address: expected none: the venue announces where it listens; leave it out")
            return
        if self.address is None:
            raise BadValue(f"address: expected where {self.kind.value} is, found none")
        if (fault := self.kind.fault_of_address(self.address)) is not None:
            raise BadValue(f"address: {fault}; correct it, or kind")

    @property
    def is_simulated(self) -> bool:
        """Whether it is our own venue."""
        return self.kind is Surroundings.SIMULATED

    def where(self, announced: Callable[[], str | None]) -> Callable[[], str | None]:
        """How to ask where it is: as configured, or for the venue as `announced`."""
        return announced if self.address is None else lambda: self.address

    def faults(
        self,
        account: AccountName,
        keys: Iterable[tuple[str, str]],
        ceiling: Mode,
        conformance: Conformance | None,
    ) -> Iterator[str]:
        """Where number, keys (by the table that holds each) or mode are of another kind, as sentences."""
        kind = f"[broker] kind is {self.kind.value}"
        if (fault := self.kind.fault_of_number(account)) is not None:
            yield f"[account] name: {fault}: {kind}"
        for table, key_id in keys:
            if (fault := self.kind.fault_of_key(key_id)) is not None:
                yield f"[{table}] key_id: {fault}: {kind}"
        if (fault := self.kind.fault_of_ceiling(ceiling)) is not None:
            yield f"[environment] mode_ceiling: {fault}: {kind}"
        if self.is_simulated == (conformance is not None):
            expected = (
                "none, which only Alpaca's accounts need" if conformance else "where the exams are kept"
            )
            yield f"[conformance]: expected {expected}, found {'it' if conformance else 'none'}: {kind}"

    @property
    def trading_mode(self) -> str:
        """What TRADING_MODE may say here, where it says anything."""
        return "live" if self.kind is Surroundings.LIVE else "paper"
