"""What the engine goes by, from the configuration. It does not change while the engine lives."""

from msgspec import Struct

from agenttrader.gateway.limits import Grant, Limits
from agenttrader.model.identifiers import AgentName, Digest, Symbol
from agenttrader.model.instruments import Instrument
from agenttrader.model.sessions import Calendar
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.runtime.statements import Authority


class Rules(Struct, frozen=True, kw_only=True):
    """Authority, limits and the facts of the market that decisions are made by."""

    authority: Authority
    limits: Limits
    limits_digest: Digest
    grants: dict[AgentName, Grant]
    instruments: dict[Symbol, Instrument]
    calendar: Calendar
    fees: FeeSchedule
    wired_switches: tuple[str, ...]
    market_source: str
