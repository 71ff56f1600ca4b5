"""The key of an agent: whose it is, and until when it is accepted."""

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import Instant, from_rfc3339

SHA256_DIGITS = 64


class AgentKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key that is accepted."""

    agent: AgentName
    sha256: str
    made: str
    """When, RFC 3339."""
    ends: str | None = None
    """Until when it is accepted; None: until it is revoked."""

    def __post_init__(self) -> None:
        if len(self.sha256) != SHA256_DIGITS or set(self.sha256) - set("0123456789abcdef"):
            raise BadValue(f"sha256: expected 64 hexadecimal digits in lower case, found {self.sha256!r}")
        if not self.agent:
            raise BadValue("agent: expected a name, found none")
        for text in filter(None, (self.made, self.ends)):
            from_rfc3339(text)

    def holds_at(self, now: Instant) -> bool:
        """Whether it is accepted then."""
        return self.ends is None or now < from_rfc3339(self.ends)
