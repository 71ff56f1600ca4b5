from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Mark
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.price_moves import PriceMoves

ALFA, BRAVO = Symbol("ALFA"), Symbol("BRAVO")


def mark(price: int, second: int) -> Mark:
    return Mark(price=Decimal(price), time=Instant(second * SECOND), source="test")


def moves(*marks: Mark) -> PriceMoves:
    made = PriceMoves()
    for each in marks:
        made.see(ALFA, each)
    return made


def range_at(made: PriceMoves, second: int, symbol: Symbol = ALFA) -> tuple[int, int] | None:
    found = made.range_of(symbol, 60, Instant(second * SECOND))
    return None if found is None else (int(found[0]), int(found[1]))


def test_it_is_the_lowest_and_the_highest_of_the_window() -> None:
    made = moves(mark(100, 0), mark(90, 20), mark(110, 40), mark(100, 50))
    assert range_at(made, 50) == (90, 110)
    assert range_at(made, 80) == (90, 110), "a mark as old as the window is in it"
    assert range_at(made, 81) == (100, 110)
    assert range_at(made, 101) == (100, 100)


def test_the_newest_counts_however_old_it_is() -> None:
    assert range_at(moves(mark(90, 0), mark(100, 1)), 3_600) == (100, 100)


def test_what_was_not_seen_is_not_made_up() -> None:
    made = moves(mark(100, 0))
    assert range_at(made, 0, BRAVO) is None
    made.forget(ALFA)
    assert range_at(made, 0) is None
    made.see(ALFA, mark(50, 1))
    assert range_at(made, 1) == (50, 50)


def test_what_nobody_asks_for_is_not_kept_for_ever() -> None:
    made = moves(*(mark(price, price * 60) for price in range(1, 200)))
    assert max(map(len, (*made._lows.values(), *made._highs.values()))) <= 61


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.booleans()), max_size=40))
def test_it_is_what_a_walk_over_all_marks_finds(steps: list[tuple[int, int, bool]]) -> None:
    made, seen, now = moves(), list[tuple[int, int]](), 0
    for pause, price, is_asked in steps:
        now += pause
        made.see(ALFA, mark(price, now))
        seen.append((now, price))
        if is_asked:
            found = [each for time, each in seen if time >= now - 60]
            assert range_at(made, now) == (min(found), max(found))
