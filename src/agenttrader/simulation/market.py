"""A trading day that never happened: one-minute bars and halts of invented symbols, from a seed.

It drives a whole day through every part, so it has what real days have and strategies, limits and matching
must bear: an opening gap against the previous close, volatility that clusters, trends of a quarter to a whole
hour, surges of volume with the moves, volume that is high at the open and the close, and one symbol that the
exchange halts for five to ten minutes after a burst, as limit-up limit-down does, and reopens with a gap. It
is no model of any market: what earns here need not earn anywhere.

Prices are whole ticks, everything is computed in integers, and equal arguments give equal bytes everywhere.
Whatever shows these bars must say that they are generated: see `FEED` and `NOTICE`.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol, digest_of
from agenttrader.model.market import Bar, StatusChange, TradingStatus
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import on_step
from agenttrader.simulation.chance import NORMAL_UNIT, Chance
from agenttrader.simulation.days import Day, Moment
from agenttrader.simulation.walk import PERMILLE, RETURN_UNIT, Candle, Walk

FEED = "generated"
"""The name of the feed that serves such days; never that of a real one."""
NOTICE = "generated market data: invented symbols and prices, not a market"
TICK = Decimal("0.01")
MINUTES_MIN = 60
"""A shorter session has no middle for a halt."""

_PERCENT = RETURN_UNIT // 100
_GAP_DEVIATION = 9 * _PERCENT // 10
_GAP_MIN, _GAP_MAX = _PERCENT // 10, 8 * _PERCENT
_WIDE_GAP_ODDS, _WIDE_GAP_FACTOR = 6, 3
"""One open in six comes after news: its gap is three times as wide."""
_TURNOVER = 160_000_000
"""Ticks that usually change hands in a minute, 1.6 million of the currency; each symbol its part of it."""
_TURNOVER_SPREAD = (500, 2_000)
_HALT_START = (350, 650)
"""When the halt begins, in thousandths of the session."""
_HALT_MINUTES = (5, 10)
_BURST_MINUTES = 3
_BURST_MOVE = (18 * _PERCENT // 10, 24 * _PERCENT // 10)
"""What each minute of the burst moves: together more than the 5 % band of limit-up limit-down."""
_REOPENING_GAP = (_PERCENT // 2, 2 * _PERCENT)
_HALT_REASON = "generated: volatility trading pause"


class _Made(Struct, frozen=True, kw_only=True):
    """All that a generated day's digest is over."""

    session: Session
    seed: int
    previous_closes: dict[Symbol, Decimal]
    moments: tuple[Moment, ...]


def generate_day(previous_closes: Mapping[Symbol, Decimal], session: Session, seed: int) -> Day:
    """The day that `seed` means for these symbols, which closed at these prices the day before.

    A symbol's bars depend on seed, session and its own close alone, but for the one that is halted. Raises
    BadValue for no symbols, closes that are no whole ticks above 0, and sessions under 60 whole minutes.
    """
    minutes = _minutes(session)
    closes = {symbol: _on_tick(symbol, previous_closes[symbol]) for symbol in sorted(previous_closes)}
    if not closes:
        raise BadValue("symbols: expected one or more, found none")
    chance = Chance("halt", seed, session.date)
    halted = tuple(closes)[chance.between(0, len(closes) - 1)]
    halt = _Halt.draw(chance, minutes)
    tapes = [
        _play(symbol, int(close / TICK), session, seed, halt if symbol == halted else None)
        for symbol, close in closes.items()
    ]
    statuses = _statuses(tuple(closes), session, halted, halt)
    moments = tuple(
        Moment(
            time=Instant(session.open + minute * MINUTE),
            statuses=statuses.get(minute, ()),
            bars=tuple(tape[minute] for tape in tapes if minute in tape),
        )
        for minute in range(minutes + 1)
    )
    made = _Made(session=session, seed=seed, previous_closes=closes, moments=moments)
    return Day(
        feed=FEED,
        notice=NOTICE,
        origin=f"seed {seed}",
        session=session,
        symbols=tuple(closes),
        moments=moments,
        digest=digest_of(msgspec.json.encode(made, order="deterministic")),
    )


class _Halt(Struct, frozen=True, kw_only=True):
    """No bar from minute `start` of the session to `end`; a burst before, a gap after, both in billionths."""

    start: int
    end: int
    burst: int
    gap: int

    @classmethod
    def draw(cls, chance: Chance, minutes: int) -> "_Halt":
        start = minutes * chance.between(*_HALT_START) // PERMILLE
        return cls(
            start=start,
            end=start + chance.between(*_HALT_MINUTES),
            burst=chance.sign() * chance.between(*_BURST_MOVE),
            gap=chance.sign() * chance.between(*_REOPENING_GAP),
        )


def _minutes(session: Session) -> int:
    minutes, rest = divmod(session.close - session.open, MINUTE)
    if rest or minutes < MINUTES_MIN:
        raise BadValue(
            f"session {session.date}: expected {MINUTES_MIN} or more whole minutes, found {minutes}"
        )
    return minutes


def _on_tick(symbol: Symbol, previous_close: Decimal) -> Decimal:
    close = on_step(previous_close, TICK, f"previous close of {symbol}")
    if not symbol or close <= 0:
        raise BadValue(f"previous close: expected a symbol and a price above 0, found {symbol!r} {close}")
    return close


def _play(
    symbol: Symbol, previous_close: int, session: Session, seed: int, halt: _Halt | None
) -> dict[int, Bar]:
    """The symbol's bars by the minute of the session at which they end."""
    minutes = _minutes(session)
    usual = _TURNOVER * Chance("turnover", symbol).between(*_TURNOVER_SPREAD) // (PERMILLE * previous_close)
    chance = Chance("walk", seed, session.date, symbol)
    walk = Walk(chance, previous_close, max(1, usual))
    walk.gap(_opening_gap(chance))
    bars = {}
    for minute in range(1, minutes + 1):
        shove = 0
        if halt is not None:
            if halt.start < minute <= halt.end:
                continue
            if minute == halt.end + 1:
                walk.gap(halt.gap)
            if halt.start - _BURST_MINUTES < minute <= halt.start:
                shove = halt.burst
        bars[minute] = _bar(symbol, session, minute, walk.minute(_activity(minute, minutes), shove))
    return bars


def _opening_gap(chance: Chance) -> int:
    """The gap in billionths; never so small that it would be none."""
    wide = _WIDE_GAP_FACTOR if chance.between(1, _WIDE_GAP_ODDS) == 1 else 1
    size = abs(_GAP_DEVIATION * wide * chance.normal() // NORMAL_UNIT)
    return chance.sign() * max(_GAP_MIN, min(size, _GAP_MAX))


def _activity(minute: int, minutes: int) -> int:
    """How busy the minute is, in thousandths: a U over the session, from 2400 to 600 and back."""
    from_middle = abs(2 * minute - 1 - minutes) * PERMILLE // minutes
    return 600 + 1_800 * from_middle**2 // PERMILLE**2


def _bar(symbol: Symbol, session: Session, minute: int, candle: Candle) -> Bar:
    return Bar(
        symbol=symbol,
        start=Instant(session.open + (minute - 1) * MINUTE),
        interval=MINUTE,
        open=_price(candle.open),
        high=_price(candle.high),
        low=_price(candle.low),
        close=_price(candle.close),
        volume=Decimal(candle.volume),
    )


def _price(ticks: int) -> Decimal:
    return ticks * TICK


def _statuses(
    symbols: tuple[Symbol, ...], session: Session, halted: Symbol, halt: _Halt
) -> dict[int, tuple[StatusChange, ...]]:
    """Every symbol opens TRADING, for what is not known to trade is not traded; one is halted and reopens."""

    def change(minute: int, symbol: Symbol, status: TradingStatus, reason: str) -> StatusChange:
        time = Instant(session.open + minute * MINUTE)
        return StatusChange(symbol=symbol, time=time, status=status, reason=reason)

    return {
        0: tuple(change(0, symbol, TradingStatus.TRADING, "generated: open") for symbol in symbols),
        halt.start: (change(halt.start, halted, TradingStatus.HALTED, _HALT_REASON),),
        halt.end: (change(halt.end, halted, TradingStatus.TRADING, "generated: reopening"),),
    }
