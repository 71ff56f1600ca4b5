import time

from agenttrader.adapters.clocks import MonotonicClock, WallClock, WatermarkClock
from agenttrader.model.times import Instant
from agenttrader.ports.clock import BootClock, MarketClock


def test_the_wall_clock_is_the_systems() -> None:
    clock = WallClock()
    market: MarketClock = clock
    before = time.time_ns()
    assert before <= (market.now() or 0) <= time.time_ns()
    clock.advance(Instant(5))
    assert clock.now() >= before


def test_the_watermark_clock_knows_nothing_at_first_and_never_goes_back() -> None:
    clock = WatermarkClock()
    market: MarketClock = clock
    assert market.now() is None
    seen = []
    for instant in (-5, 0, 7, 3, 7, 9):
        clock.advance(Instant(instant))
        seen.append(clock.now())
    assert seen == [-5, 0, 7, 7, 7, 9]


def test_the_boot_clock_counts_nanoseconds() -> None:
    clock: BootClock = MonotonicClock()
    began = clock.elapsed()
    time.sleep(0.01)
    assert 10_000_000 <= clock.elapsed() - began < 10_000_000_000
