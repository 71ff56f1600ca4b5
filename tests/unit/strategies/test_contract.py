from decimal import Decimal
from typing import Any

import pytest

from agenttrader.model.orders import Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.strategies.contract import (
    Fill,
    Handler,
    Strategy,
    after_open,
    before_close,
    every_bar,
    flat,
    long,
    on_fill,
    on_timer,
    short,
    when,
)
from agenttrader.strategies.expressions import Expression, Param, close, ema, sma
from agenttrader.strategies.ticket import Ticket


class Base(Strategy):
    """Long above a mean."""

    period = Param(5, 2, 50)
    mean = sma(close, period)

    @when(close > mean, flat)
    def enter(self, order: Ticket) -> Proposal | None:
        return order.buy(Decimal(1), f"above {self.mean:.2f}")

    @on_fill
    def note(self, fill: Fill, order: Ticket) -> Proposal | None:
        return order.close(f"filled at {fill.price}")

    @on_timer(before_close(minutes=5))
    def end(self, order: Ticket) -> Proposal | None:
        return order.close("the day ends")


def test_on_the_class_are_declarations_and_on_the_instance_values() -> None:
    strategy = Base({"period": 7}, lambda _: 12.5)
    assert isinstance(Base.mean, Expression)
    assert isinstance(Base.period, Param)
    assert isinstance(Base.enter, Handler)
    assert (strategy.mean, strategy.period) == (12.5, 7)
    assert strategy.enter.__name__ == "enter"


def test_a_class_collects_what_its_bases_declare_in_the_order_of_definition() -> None:
    class Heir(Base):
        """Adds a reason to leave."""

        fast = ema(close, 3)

        @when(fast < Base.mean, long)
        def leave(self, order: Ticket) -> Proposal | None:
            return order.close(f"{self.fast} below {self.mean}")

    assert list(Heir.declared_parameters) == ["period"]
    assert list(Heir.declared_expressions) == ["mean", "fast"]
    assert [it.name for it in Heir.declared_handlers] == ["enter", "note", "end", "leave"]
    assert [it.name for it in Base.declared_handlers] == ["enter", "note", "end"]


def test_an_heir_may_set_other_bounds_and_another_handler_in_the_same_place() -> None:
    class Heir(Base):
        """Slower, and never long."""

        period = Param(30, 20, 90)

        @when(close < Base.mean, flat)
        def enter(self, order: Ticket) -> Proposal | None:
            return order.sell(Decimal(1), "below")

    assert Heir.declared_parameters["period"].default == 30
    assert [it.name for it in Heir.declared_handlers] == ["enter", "note", "end"]
    assert Heir.declared_handlers[0].wake.condition.operation == "less"


def test_an_override_that_would_wake_nobody_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Heir\.enter hides an inherited Handler: decorate it"):

        class Heir(Base):
            """Forgets the decorator."""

            def enter(self, order: Ticket) -> Proposal | None:
                return order.close("no")


def test_an_override_that_inherited_conditions_would_not_see_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"Heir\.mean is declared anew, but what the inherited one made still uses it"
    ):

        class Heir(Base):
            """Means another mean."""

            mean = ema(close, 5)


@pytest.mark.parametrize("name", ("peak", "mean", "period"))
def test_a_strategy_keeps_nothing_but_in_expressions(name: str) -> None:
    strategy = Base({"period": 7}, lambda _: 0.0)
    with pytest.raises(AttributeError, match=rf"Base\.{name}: a strategy remembers in expressions only"):
        setattr(strategy, name, 5)


@pytest.mark.parametrize("condition", (True, 5, None, "close > 5", Param(1, 0, 2), object()))
def test_a_condition_is_an_expression(condition: Any) -> None:
    with pytest.raises(TypeError, match="@when: expected an expression"):
        when(condition, flat)


@pytest.mark.parametrize("position", ("flat", 1, flat & long))
def test_a_position_is_one_of_three_or_several_of_them(position: Any) -> None:
    with pytest.raises(TypeError, match="expected flat, long, short"):
        when(close > 5, position)(lambda _, __: None)
    when(close > 5, flat | long | short)(lambda _, __: None)


def test_a_time_of_day_is_no_timer() -> None:
    with pytest.raises(TypeError, match="on a half day a time such as 15:55 never comes"):
        on_timer("15:55")  # type: ignore[arg-type]


def test_timers_count_from_the_sessions_own_ends() -> None:
    whole = Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE))
    half = Session(date="2026-11-27", open=Instant(0), close=Instant(210 * MINUTE))
    assert [before_close(minutes=5).due(it, {}) // MINUTE for it in (whole, half)] == [385, 205]
    assert [after_open(minutes=30).due(it, {}) // MINUTE for it in (whole, half)] == [30, 30]
    minutes = Param(5, 1, 60)
    minutes.__set_name__(Base, "minutes")
    assert before_close(minutes=minutes).due(half, {"minutes": 7}) // MINUTE == 203


def test_a_handler_says_what_wakes_it() -> None:
    @every_bar
    def each(_: Base, __: Ticket) -> Proposal | None:
        return None

    assert (each.wake.condition, each.wake.timer, each.wake.fill, each.wake.position) == (
        None,
        None,
        False,
        None,
    )
    enter, note, end = Base.declared_handlers
    assert (enter.wake.position, enter.wake.fill, enter.wake.timer) == (flat, False, None)
    assert note.wake.fill
    assert end.wake.position == long | short
