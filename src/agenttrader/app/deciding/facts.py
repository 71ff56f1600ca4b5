"""The marks file: what the process is told of the market and of the broker's buying power, from outside.

Each mark has its own time and the exchange's word on the symbol; what is not in the file is not known.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import exact
from agenttrader.protocols.doubled_keys import refuse_doubled_keys
from agenttrader.protocols.native import UNREADABLE, meant

FILE_BYTES_MAX = 1_048_576
"""Thousands of marks; what is longer is another file."""


class Stated(Struct, frozen=True):
    """An amount, and when the broker stated it."""

    amount: Decimal
    time: Instant


class Facts(Struct, frozen=True, kw_only=True):
    """What the file says."""

    marks: dict[Symbol, Mark] = {}
    statuses: dict[Symbol, TradingStatus] = {}
    buying_power: Stated | None = None

    @property
    def newest(self) -> Instant | None:
        """The time of the newest mark; None where there is none."""
        return max((mark.time for mark in self.marks.values()), default=None)


NONE = Facts()


class _Mark(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    price: Decimal
    time: str
    status: TradingStatus
    source: str


class _Amount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount: Decimal
    time: str


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    marks: dict[str, _Mark]
    buying_power: _Amount | None = None


_decoder = msgspec.json.Decoder(_File)


def read_facts(content: bytes) -> Facts:
    """The facts that a marks file states. Raises BadValue for anything else: nothing of it is believed."""
    if len(content) > FILE_BYTES_MAX:
        raise BadValue(f"marks: expected at most {FILE_BYTES_MAX} bytes, found more")
    try:
        refuse_doubled_keys(content, "marks")
        file = _decoder.decode(content)
        power = file.buying_power
        return Facts(
            marks={
                Symbol(symbol): Mark(
                    price=exact(meant(mark.price), f"marks.{symbol}"),
                    time=from_rfc3339(mark.time),
                    source=mark.source,
                )
                for symbol, mark in file.marks.items()
            },
            statuses={Symbol(symbol): mark.status for symbol, mark in file.marks.items()},
            buying_power=None if power is None else _stated(power),
        )
    except UNREADABLE as error:
        raise BadValue(f"marks: expected marks by symbol, found: {error}") from error


def _stated(power: _Amount) -> Stated:
    return Stated(exact(meant(power.amount), "buying_power"), from_rfc3339(power.time))
