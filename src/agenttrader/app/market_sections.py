"""The section of a configuration that says where market data come from. `docs/market-data.md` explains."""

from typing import Literal

from agenttrader.app.credential_sections import KeyHash
from agenttrader.app.prices import Generated, Live, Recorded
from agenttrader.app.section import Section, require_day
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol

ParticipantName = Literal["strategy", "exits", "demo"]
"""Who may hold the pace of a replay: who decides on a bar, not who only hears it."""


class MarketData(Section, frozen=True):
    """The source of market data and its pace."""

    listen: str
    prices: Generated | Recorded | Live
    date: str
    speed: int | Literal["max"]
    """Bars per second at most."""
    max_age_seconds: int
    barrier: tuple[ParticipantName, ...]
    """Who must have settled a bar before the next is released."""
    keys: tuple[KeyHash, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        require_day(self.date)
        if isinstance(self.prices, Live) and (self.speed != "max" or self.barrier):
            raise BadValue(
                'expected speed = "max" and barrier = [] where prices are live: a market waits for nobody; '
                f"found speed {self.speed!r} and barrier {list(self.barrier)}"
            )

    @property
    def source(self) -> str:
        """The feed's name, which says what the prices are."""
        return self.prices.source

    @property
    def is_live(self) -> bool:
        """Whether they are told as they happen."""
        return isinstance(self.prices, Live)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Of what there are prices."""
        return self.prices.names
