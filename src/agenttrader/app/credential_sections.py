"""Sections of a configuration: what each role shows its peers, and what every section is made of."""

import re
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue

_HEX_256_BITS = re.compile(r"[0-9a-f]{64}")


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whole numbers are above 0, Decimals 0 or more, texts not empty, hashes and public keys whole."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str) and not value:
                raise BadValue(f"{name}: expected a text, found an empty one")
            if isinstance(value, int) and not isinstance(value, bool) and name != "seed" and value < 1:
                raise BadValue(f"{name}: expected a whole number above 0, found {value}")
            if isinstance(value, Decimal) and value < 0:
                raise BadValue(f"{name}: expected 0 or more, found {value}")
            if name.endswith("_sha256") or name == "public_key":
                _require_hex(value, name)


def _require_hex(value: str, name: str) -> None:
    if not _HEX_256_BITS.fullmatch(value):
        raise BadValue(f"{name}: expected 64 hexadecimal digits in lower case, found {value!r}")


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
