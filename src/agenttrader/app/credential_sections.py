"""Sections of a configuration: what each role shows its peers."""

from agenttrader.app.section import Section
from agenttrader.model.errors import BadValue


class SecretSource(Section, frozen=True):
    """Where a secret is found: in a file, or in an environment variable. One of them."""

    file: str | None = None
    variable: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.file is None) == (self.variable is None):
            raise BadValue("expected either `file` or `variable`, found both or neither")


class KeyFile(Section, frozen=True):
    """A key that a role shows a peer: its id stands here, its secret elsewhere."""

    key_id: str
    secret: SecretSource


class KeyHash(Section, frozen=True):
    """A key that a role accepts: the id, and the SHA-256 of the secret."""

    key_id: str
    secret_sha256: str


class GatewayCredentials(Section, frozen=True):
    """What the gateway shows."""

    broker: KeyFile
    marketdata: KeyFile


class VenueCredentials(Section, frozen=True):
    """What the venue shows."""

    marketdata: KeyFile


class MarketDataCredentials(Section, frozen=True):
    """What the market data show the source that they have live prices from; nobody else has that key."""

    alpaca: KeyFile


class StrategyCredentials(Section, frozen=True):
    """What the strategy host shows; to the gateway, its agent's key."""

    gateway: SecretSource
    marketdata: KeyFile


class ExitsCredentials(Section, frozen=True):
    """What the exits unit shows; to the gateway, the key that only reduces."""

    gateway: SecretSource
    marketdata: KeyFile


class KillCredentials(Section, frozen=True):
    """What kill and the sentinel show: a key of their own at the broker, a person's token at the gateway."""

    broker: KeyFile
    gateway: SecretSource


class Credentials(Section, frozen=True):
    """What each role shows its peers."""

    gateway: GatewayCredentials
    venue: VenueCredentials
    strategy: StrategyCredentials
    kill: KillCredentials
    exits: ExitsCredentials | None = None
    """Where there is a section [exits], and only there."""
    marketdata: MarketDataCredentials | None = None
    """Where prices are live, and only there."""
