"""Momentum on a made-up day, its signals recomputed from their words by the references of the kernels."""

import math
import random
from decimal import Decimal
from itertools import pairwise

import pytest

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Bar
from agenttrader.model.orders import Effect, Proposal, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.strategies.hosted import Hosted, Situation
from agenttrader.strategies.momentum import Momentum

D = Decimal
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
SESSION = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE))
BARS = 390


def day(seed: int) -> list[Bar]:
    """A drifting walk on ticks, with bursts of volume."""
    chance = random.Random(seed)
    price, drift, bars = D("100.00"), 0.0, []
    for minute in range(BARS):
        if minute % 40 == 0:
            drift = chance.choice((-0.02, 0.0, 0.03))
        start = price
        price = max(D(1), (price + D(str(round(chance.gauss(drift, 0.05), 2)))))
        bars.append(
            Bar(
                symbol=Symbol("ALFA"),
                start=Instant(OPEN + minute * MINUTE),
                interval=MINUTE,
                open=start,
                high=max(start, price) + D("0.02"),
                low=min(start, price) - D("0.02"),
                close=price,
                volume=D(chance.choice((800, 1000, 1200, 3000))),
            )
        )
    return bars


def momentum(compiled: Compiled, **configured: object) -> Hosted:
    return Hosted(
        Momentum,
        configured,
        agent=AgentName("mo"),
        name=StrategyName("momentum"),
        instrument=Equity(symbol=Symbol("ALFA"), tick=D("0.01"), lot=D(1)),
        session=SESSION,
        compiled=compiled,
    )


def situation(bar: Bar, held: int) -> Situation:
    return Situation(time=bar.end, price=bar.close, held=D(held), working=False, leaving=False)


def decisions(compiled: Compiled, bars: list[Bar], held: int, **configured: object) -> dict[int, Proposal]:
    """What it proposes at each bar's close if it always holds `held`."""
    strategy = momentum(compiled, **configured)
    found = {}
    for minute, bar in enumerate(bars, 1):
        strategy.step(bar)
        for proposal in strategy.at_close(situation(bar, held)):
            found[minute] = proposal
    return found


def ema(x: list[float], n: int) -> list[float]:
    out = [math.nan] * (n - 1) + [sum(x[:n]) / n]
    for value in x[n:]:
        out.append(out[-1] + (value - out[-1]) * 2 / (n + 1))
    return out


def wilder(x: list[float], n: int) -> list[float]:
    out = [math.nan] * (n - 1) + [sum(x[:n]) / n]
    for value in x[n:]:
        out.append(out[-1] + (value - out[-1]) / n)
    return out


class Expected:
    """The signals of a day, bar by bar, from their definitions."""

    def __init__(self, bars: list[Bar]) -> None:
        close, high, low = ([float(getattr(bar, name)) for bar in bars] for name in ("close", "high", "low"))
        changes = [after - before for before, after in pairwise(close)]
        gains, losses = (
            wilder([max(it, 0) for it in changes], 14),
            wilder([max(-it, 0) for it in changes], 14),
        )
        self.rsi = [math.nan, *(100 * gain / (gain + loss) for gain, loss in zip(gains, losses, strict=True))]
        line = [fast - slow for fast, slow in zip(ema(close, 12), ema(close, 26), strict=True)]
        self.line, self.signal = line, [math.nan] * 25 + ema(line[25:], 9)
        up = [after - before for before, after in pairwise(high)]
        down = [before - after for before, after in pairwise(low)]
        plus = wilder([u if u > d and u > 0 else 0 for u, d in zip(up, down, strict=True)], 14)
        minus = wilder([d if d > u and d > 0 else 0 for u, d in zip(up, down, strict=True)], 14)
        index = [100 * abs(p - m) / (p + m) for p, m in zip(plus, minus, strict=True)][13:]
        self.adx = [math.nan] * 14 + wilder(index, 14)
        volume = [float(bar.volume) for bar in bars]
        self.busy = [i >= 19 and volume[i] > 1.5 * sum(volume[i - 19 : i + 1]) / 20 for i in range(len(bars))]

    def enters(self, minute: int) -> bool:
        i = minute - 1
        strong = 50 < self.rsi[i] < 70 and self.adx[i] > 25
        return strong and self.line[i] > self.signal[i] and self.busy[i] and BARS - minute > 20

    def fades(self, minute: int) -> bool:
        i = minute - 1
        return minute > 34 and self.line[i] < self.signal[i] and not self.line[i - 1] < self.signal[i - 1]


@pytest.mark.parametrize("seed", range(4))
def test_it_enters_where_its_conjunction_holds_and_nowhere_else(seed: int, compiled: Compiled) -> None:
    bars = day(seed)
    expected = Expected(bars)
    assert sorted(decisions(compiled, bars, 0)) == [m for m in range(1, BARS + 1) if expected.enters(m)]
    assert decisions(compiled, bars, 0)


@pytest.mark.parametrize("seed", range(4))
def test_it_leaves_where_macd_falls_below_its_signal(seed: int, compiled: Compiled) -> None:
    bars = day(seed)
    expected = Expected(bars)
    found = decisions(compiled, bars, 100)
    assert sorted(found) == [m for m in range(1, BARS + 1) if expected.fades(m)]
    assert len(found) > 3
    assert {it.effect for it in found.values()} == {Effect.CLOSE}


def test_its_entry_carries_the_whole_plan_and_a_reason_with_numbers(compiled: Compiled) -> None:
    bars = day(0)
    minute, proposal = next(iter(decisions(compiled, bars, 0).items()))
    price, plan, expected = bars[minute - 1].close, proposal.exit_plan, Expected(bars)
    assert (proposal.side, proposal.quantity, proposal.decision_price) == (Side.BUY, D(100), price)
    assert plan is not None
    assert plan.stop is not None
    assert plan.target is not None
    assert plan.trail is not None
    assert abs(plan.stop - price * D("0.997")) < D("0.01")
    assert abs(plan.target - price * D("1.005")) < D("0.01")
    assert abs(plan.trail - price * D("0.002")) < D("0.01")
    assert plan.until == SESSION.close - 5 * MINUTE
    i = minute - 1
    times = float(bars[i].volume) * 20 / sum(float(it.volume) for it in bars[i - 19 : i + 1])
    assert proposal.reason == (
        f"RSI {expected.rsi[i]:.1f} is between 50 and 70, MACD {expected.line[i]:.4f} is above its signal "
        f"{expected.signal[i]:.4f}, ADX {expected.adx[i]:.1f} is above 25, "
        f"volume {bars[i].volume} is {times:.1f} times its mean"
    )


def test_it_sells_five_minutes_before_the_close_on_a_half_day_too(compiled: Compiled) -> None:
    strategy = momentum(compiled)
    bars = day(0)
    strategy.step(bars[384])
    before = Instant(SESSION.close - 6 * MINUTE)
    sold = list(strategy.at_timers(before, situation(bars[384], 100)))
    assert [it.reason for it in sold] == ["5 minutes before the close nothing is held over night"]
    assert list(strategy.at_timers(before, situation(bars[384], 0))) == []


def test_its_parameters_move_its_decisions(compiled: Compiled) -> None:
    bars = day(0)
    usual = len(decisions(compiled, bars, 0))
    assert len(decisions(compiled, bars, 0, rsi_low=62)) < usual
    assert len(decisions(compiled, bars, 0, rsi_high=58)) < usual
    assert len(decisions(compiled, bars, 0, adx_low=40)) < usual
    assert len(decisions(compiled, bars, 0, volume_factor="2.4")) < usual
    assert len(decisions(compiled, bars, 0, entry_minutes=240)) < usual
    assert {it.quantity for it in decisions(compiled, bars, 0, size="7").values()} == {D(7)}
