"""Longer bars out of minutes, and bars adjusted for splits: pure functions over what is known.

A longer bar covers what is known of its period and no more, so the last one may still grow.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.protocols.alpaca_history import Adjustment
from agenttrader.protocols.alpaca_timeframes import ONE_MINUTE, Period, Timeframe, period_at

ADJUSTED_STEP = Decimal("0.0001")
"""Adjusted prices are rounded to this: a rule of our own."""


class Split(Struct, frozen=True, kw_only=True):
    """From `effective` on, one share of before is `ratio` shares."""

    symbol: Symbol
    effective: Instant
    ratio: Decimal


class Actions(Struct, frozen=True, kw_only=True):
    """What a source knows of corporate actions. Not to know of any is not to know that there are none."""

    splits: tuple[Split, ...] | None
    """All splits of its symbols; None where it does not know them."""
    without_dividends: bool
    """It knows that its symbols have paid none."""


def require_known(adjustment: Adjustment, actions: Actions) -> None:
    """Raise BadValue, naming it, for an adjustment that the source cannot make."""
    unknown = []
    if adjustment in (Adjustment.SPLIT, Adjustment.ALL) and actions.splits is None:
        unknown.append("splits")
    if adjustment in (Adjustment.DIVIDEND, Adjustment.ALL) and not actions.without_dividends:
        unknown.append("dividends")
    if unknown:
        raise BadValue(
            f"adjustment: expected raw, for this source does not know its symbols' {' and '.join(unknown)}, "
            f"found {adjustment.value}"
        )


def adjusted(bars: Iterable[Bar], adjustment: Adjustment, actions: Actions, now: Instant) -> list[Bar]:
    """The bars as they look from `now`: only splits that have come into effect by then count.

    Raises BadValue for an adjustment that the source cannot make.
    """
    require_known(adjustment, actions)
    if adjustment in (Adjustment.RAW, Adjustment.DIVIDEND):
        return list(bars)
    splits = [split for split in actions.splits or () if split.effective <= now]
    return [_adjusted(bar, splits) for bar in bars]


def aggregate(bars: Sequence[Bar], timeframe: Timeframe) -> list[Bar]:
    """One symbol's minutes, in their order, as bars of the timeframe; periods without a bar have none."""
    if timeframe == ONE_MINUTE:
        return list(bars)
    groups: list[tuple[Period, list[Bar]]] = []
    for bar in bars:
        if not groups or bar.start >= groups[-1][0].end:
            groups.append((period_at(bar.start, timeframe), []))
        groups[-1][1].append(bar)
    return [joined(those, period) for period, those in groups]


def joined(bars: Sequence[Bar], period: Period) -> Bar:
    """The period's bar out of one or more shorter ones, in their order."""
    return Bar(
        symbol=bars[0].symbol,
        start=period.start,
        interval=period.length,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum((bar.volume for bar in bars), ZERO),
    )


def _adjusted(bar: Bar, splits: Iterable[Split]) -> Bar:
    ratio = Decimal(1)
    for split in splits:
        if split.symbol == bar.symbol and bar.start < split.effective:
            ratio *= split.ratio
    if ratio == 1:
        return bar
    return replace(
        bar,
        open=_price(bar.open / ratio),
        high=_price(bar.high / ratio),
        low=_price(bar.low / ratio),
        close=_price(bar.close / ratio),
        volume=bar.volume * ratio,
    )


def _price(price: Decimal) -> Decimal:
    """Rounded, but never to nothing."""
    rounded = price.quantize(ADJUSTED_STEP, ROUND_HALF_EVEN)
    return rounded if rounded > ZERO else ADJUSTED_STEP
