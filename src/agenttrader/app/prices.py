"""What `[marketdata.prices]` may say: which prices are played, by the word of `source`."""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.simulation import market, recorded


class _Prices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="source"):
    """One source; its tag is the name of its feed."""

    @property
    def source(self) -> str:
        """The feed's name, which says what the prices are."""
        return str(self.__struct_config__.tag)


class Generated(_Prices, frozen=True, tag=market.FEED):
    """Invented symbols and prices: the day that a seed means."""

    seed: int
    symbols: dict[Symbol, Decimal]
    """The price at which each symbol's generated market starts."""

    def __post_init__(self) -> None:
        if any(price <= 0 for price in self.symbols.values()):
            raise BadValue(f"symbols: expected start prices above 0, found {min(self.symbols.values())}")

    @property
    def names(self) -> tuple[Symbol, ...]:
        """The symbols that there are prices of."""
        return tuple(self.symbols)


class Recorded(_Prices, frozen=True, tag=recorded.FEED):
    """Prices that one symbol had on a day, played back from files."""

    folder: str
    symbol: Symbol
    files_sha256: Digest
    """Of the files that the run was made with: others are refused."""

    def __post_init__(self) -> None:
        if not self.folder:
            raise BadValue("folder: expected a folder, found an empty text")

    @property
    def names(self) -> tuple[Symbol, ...]:
        """The symbols that there are prices of."""
        return (self.symbol,)


class Live(_Prices, frozen=True, tag="iex"):
    """What Alpaca tells of real symbols as it happens: of one exchange, IEX, as its free plan has it."""

    symbols: tuple[Symbol, ...]

    def __post_init__(self) -> None:
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise BadValue(f"symbols: expected one or more, each once, found {list(self.symbols)}")

    @property
    def names(self) -> tuple[Symbol, ...]:
        """The symbols that there are prices of."""
        return self.symbols
