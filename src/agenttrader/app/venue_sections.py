"""The sections of a configuration that are the simulated exchange's. `docs/brokers.md` explains."""

from collections.abc import Iterator
from decimal import Decimal

from agenttrader.app.credential_sections import KeyHash
from agenttrader.app.fault_kinds import FaultPlan
from agenttrader.app.option_chains import VenueOptions
from agenttrader.app.section import Section, require_day
from agenttrader.app.venue_rules import VenueRules
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AccountName, Symbol


class VenueAccount(Section, frozen=True):
    """One account at the simulated exchange."""

    name: AccountName
    cash: Decimal
    key_id: str
    secret_sha256: str
    more_keys: tuple[KeyHash, ...] = ()
    """Which keys open it besides."""

    def all_keys(self) -> Iterator[tuple[str, str]]:
        """Every key's id with the SHA-256 of its secret."""
        yield self.key_id, self.secret_sha256
        yield from ((key.key_id, key.secret_sha256) for key in self.more_keys)


class VenueSplit(Section, frozen=True):
    """From the morning of `date` on, `new_rate` shares stand for `old_rate` of before."""

    symbol: Symbol
    date: str
    new_rate: Decimal
    old_rate: Decimal

    def __post_init__(self) -> None:
        super().__post_init__()
        require_day(self.date)
        if not self.new_rate or not self.old_rate:
            raise BadValue(f"expected rates above 0, found {self.new_rate} for {self.old_rate}")


class Venue(Section, frozen=True):
    """The simulated exchange."""

    listen: str
    log: str
    """The file of its own ledger: it forgets nothing when it is killed."""
    shorting: bool
    accounts: tuple[VenueAccount, ...]
    splits: tuple[VenueSplit, ...] = ()
    """What companies do to their shares while the venue goes on; none counts before its second day."""
    rules: VenueRules | None = None
    """What it holds its accounts to, and how awkward it is; where there is none, it is plain and kind."""
    options: VenueOptions | None = None
    """The options that it lists; where there is none, it lists none."""
    faults: FaultPlan | None = None
    """What goes wrong on purpose; where there is none, nothing does, and no port lets anybody ask for it."""
