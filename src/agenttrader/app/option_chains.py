"""The options that the simulated exchange lists, and how it quotes them: one table of the configuration.

Without the table none are listed and no account may trade any. All are American, for a hundred shares.
"""

from collections import Counter
from decimal import Decimal
from itertools import product
from typing import Literal

from agenttrader.app.section import Section
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.quotes import QuoteRule

CONTRACTS_MAX = 2_000
"""Of one chain: all of them are quoted after every bar."""


class OptionChain(Section, frozen=True):
    """A call and a put on one share at each strike for each day, quoted as `simulation.option_book` says."""

    underlying: Symbol
    expirations: tuple[str, ...]
    """Days on which they expire, at the close."""
    strikes: tuple[Decimal, ...]
    volatility: Decimal
    """Of a year; 0.40 is forty per cent."""
    spread: Decimal
    """Between bid and ask, as a part of the value."""
    size: int
    """Contracts on each side of a quote."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("expirations", "strikes"):
            twice = [str(each) for each, count in Counter(getattr(self, name)).items() if count > 1]
            if twice or not getattr(self, name):
                found = f"{', '.join(twice)} twice" if twice else "none"
                raise BadValue(f"{name}: expected one or more, each once, found {found}")
        count = len(Right) * len(self.expirations) * len(self.strikes)
        if count > CONTRACTS_MAX:
            raise BadValue(f"strikes: expected at most {CONTRACTS_MAX} contracts of one chain, found {count}")
        # Each says what is wrong with it.
        _ = self.contracts, self.rule

    @property
    def contracts(self) -> tuple[OptionContract, ...]:
        """Every contract of the chain. Raises BadValue for one that has no symbol."""
        return tuple(
            OptionContract(underlying=self.underlying, expiration=day, strike=strike, right=right)
            for day, strike, right in product(self.expirations, self.strikes, Right)
        )

    @property
    def rule(self) -> QuoteRule:
        """How they are quoted. Raises BadValue for numbers that cannot be."""
        return QuoteRule(
            underlying=self.underlying, volatility=self.volatility, spread=self.spread, size=self.size
        )


class VenueOptions(Section, frozen=True):
    """Every key must be there. Rates are amounts for one contract."""

    level: Literal[1, 2, 3]
    """What every account may do: 1 covered calls and puts, 2 also what is long, 3 also spreads."""
    orf_rate: Decimal
    """The exchanges' fee, both ways."""
    occ_rate: Decimal
    """The clearing house's, both ways."""
    occ_cap: Decimal
    """The most of it for one execution."""
    taf_rate: Decimal
    """FINRA's, of a sale."""
    chains: tuple[OptionChain, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = [chain.underlying for chain in self.chains]
        if not shares or len(set(shares)) != len(shares):
            raise BadValue(
                f"chains: expected one or more, each on other shares, found {', '.join(shares) or 'none'}"
            )
