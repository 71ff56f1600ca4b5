from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Bar
from agenttrader.model.orders import Effect, Proposal, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.strategies.contract import (
    BETWEEN,
    Fill,
    Position,
    Strategy,
    before_close,
    every_bar,
    flat,
    long,
    on_fill,
    on_timer,
    short,
    when,
)
from agenttrader.strategies.expressions import Param, close, minutes_to_close, sma
from agenttrader.strategies.hosted import Hosted, Situation, parameters_digest, read_parameters
from agenttrader.strategies.ticket import Ticket

D = Decimal
SESSION = Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE))


class Many(Strategy):
    """One handler of each kind."""

    size = Param(D(10), D(1), D(100))
    mean = sma(close, 3)
    left = minutes_to_close

    @on_fill
    def on_each_fill(self, fill: Fill, order: Ticket) -> Proposal | None:
        return order.close(f"filled {fill.quantity}") if fill.side is Side.SELL else None

    @when(close > mean, flat)
    def enter(self, order: Ticket) -> Proposal | None:
        return order.buy(self.size, f"{order.price} above {self.mean:.2f}, {self.left:.0f} minutes left")

    @when(close < mean, long | short)
    def leave(self, order: Ticket) -> Proposal | None:
        return order.close("below")

    @every_bar
    def each(self, order: Ticket) -> Proposal | None:
        return order.close("every bar") if order.price == D(13) else None

    @on_timer(before_close(minutes=5))
    def end(self, order: Ticket) -> Proposal | None:
        return order.close("the day ends")


def hosted(compiled: Compiled, kind: type[Strategy] = Many, **configured: object) -> Hosted:
    return Hosted(
        kind,
        configured,
        agent=AgentName("mo"),
        name=StrategyName("many"),
        instrument=Equity(symbol=Symbol("ALFA"), tick=D("0.01"), lot=D(1)),
        session=SESSION,
        compiled=compiled,
    )


def bar(minute: int, price: int) -> Bar:
    """The bar that ends `minute` minutes into the session."""
    start = Instant((minute - 1) * MINUTE)
    value = D(price)
    return Bar(
        symbol=Symbol("ALFA"),
        start=start,
        interval=MINUTE,
        open=value,
        high=value,
        low=value,
        close=value,
        volume=D(100),
    )


def at(minute: int, price: int = 10, held: int = 0, **changes: Any) -> Situation:
    values: dict[str, Any] = {"working": False, "leaving": False}
    return Situation(time=Instant(minute * MINUTE), price=D(price), held=D(held), **(values | changes))


def said(proposals: Iterator[Proposal]) -> list[str]:
    return [proposal.reason for proposal in proposals]


@pytest.mark.parametrize(
    ("held", "working", "leaving", "expected"),
    (
        (0, False, False, flat),
        (0, True, False, BETWEEN),
        (0, False, True, BETWEEN),
        (5, False, False, long),
        (5, True, False, long),
        (5, False, True, BETWEEN),
        (-5, False, False, short),
        (-5, True, False, short),
        (-5, False, True, BETWEEN),
    ),
)
def test_flat_is_no_position_and_nothing_working(
    held: int, *, working: bool, leaving: bool, expected: Position
) -> None:
    assert at(1, held=held, working=working, leaving=leaving).position == expected


def test_nothing_wakes_before_the_warm_up(compiled: Compiled) -> None:
    strategy = hosted(compiled)
    assert strategy.warm_up == 3
    for minute, price in ((1, 10), (2, 20)):
        strategy.step(bar(minute, price))
        assert said(strategy.at_close(at(minute, price))) == []
    strategy.step(bar(3, 30))
    assert said(strategy.at_close(at(3, 30))) == ["30 above 20.00, 387 minutes left"]


def test_a_handler_wakes_only_in_its_position(compiled: Compiled) -> None:
    strategy = hosted(compiled)
    for minute, price in ((1, 10), (2, 20), (3, 30)):
        strategy.step(bar(minute, price))
    assert said(strategy.at_close(at(3, 30, working=True))) == []
    assert said(strategy.at_close(at(3, 30, held=5))) == []
    strategy.step(bar(4, 10))
    assert said(strategy.at_close(at(4, 10))) == []
    assert said(strategy.at_close(at(4, 10, held=5))) == ["below"]
    assert said(strategy.at_close(at(4, 10, held=-5))) == ["below"]
    assert said(strategy.at_close(at(4, 10, held=5, leaving=True))) == []


def test_what_one_handler_proposes_counts_for_the_next(compiled: Compiled) -> None:
    strategy = hosted(compiled)
    for minute, price in ((1, 30), (2, 20), (3, 13)):
        strategy.step(bar(minute, price))
    situation = at(3, 13, held=5)
    assert said(strategy.at_close(situation)) == ["below"]
    assert situation.leaving
    assert said(strategy.at_timers(Instant(0), at(385, held=5))) == ["the day ends"]
    assert said(strategy.at_timers(Instant(0), at(385, held=5, leaving=True))) == []


def test_an_entry_that_was_just_proposed_is_not_flat(compiled: Compiled) -> None:
    class Twice(Strategy):
        """Two reasons to buy."""

        @when(close > 1, flat)
        def one(self, order: Ticket) -> Proposal | None:
            return order.buy(D(1), "one")

        @when(close > 2, flat)
        def other(self, order: Ticket) -> Proposal | None:
            return order.buy(D(1), "other")

    strategy = hosted(compiled, Twice)
    strategy.step(bar(1, 10))
    assert said(strategy.at_close(at(1))) == ["one"]


def test_adding_does_not_keep_a_position_from_being_left_nor_leaving_from_staying_so(
    compiled: Compiled,
) -> None:
    class Adds(Strategy):
        """Buys more at every bar, and sells before the close."""

        @every_bar
        def more(self, order: Ticket) -> Proposal | None:
            return order.buy(D(1), "more")

        @on_timer(before_close(minutes=5), None)
        def end(self, order: Ticket) -> Proposal | None:
            return order.close("the day ends")

    strategy = hosted(compiled, Adds)
    strategy.step(bar(385, 10))
    situation = at(385, held=5)
    assert said(strategy.at_close(situation)) == ["more"]
    assert situation.position == long
    assert said(strategy.at_timers(at(384).time, situation)) == ["the day ends"]
    assert said(strategy.at_close(situation)) == ["more"]
    assert said(strategy.at_timers(at(384).time, situation)) == []


def test_every_bar_wakes_whatever_is_held(compiled: Compiled) -> None:
    strategy = hosted(compiled)
    strategy.step(bar(1, 13))
    assert said(strategy.at_close(at(1, 13, held=5))) == ["every bar"]
    assert said(strategy.at_close(at(1, 13))) == []


@pytest.mark.parametrize(
    ("after", "now", "held", "wakes"),
    (
        (384, 385, 5, True),
        (383, 386, 5, True),
        (385, 386, 5, False),
        (383, 384, 5, False),
        (384, 385, 0, False),
    ),
)
def test_a_timer_wakes_once_at_the_first_step_that_reaches_it(
    after: int, now: int, held: int, *, wakes: bool, compiled: Compiled
) -> None:
    found = said(hosted(compiled).at_timers(Instant(after * MINUTE), at(now, held=held)))
    assert found == (["the day ends"] if wakes else [])


def test_a_fill_is_told_before_the_bar_and_may_be_answered(compiled: Compiled) -> None:
    fill = Fill(
        order_id=OrderId("o"),
        symbol=Symbol("ALFA"),
        side=Side.SELL,
        quantity=D(4),
        price=D(10),
        time=Instant(1),
    )
    proposal = next(hosted(compiled).after_fill(fill, at(3, held=5)))
    assert (proposal.reason, proposal.effect, proposal.decision_price) == ("filled 4", Effect.CLOSE, D(10))


def test_each_handler_has_an_id_of_its_own_in_the_same_bar(compiled: Compiled) -> None:
    strategy = hosted(compiled)
    for minute, price in ((1, 30), (2, 20), (3, 13)):
        strategy.step(bar(minute, price))
    fill = Fill(
        order_id=OrderId("o"),
        symbol=Symbol("ALFA"),
        side=Side.SELL,
        quantity=D(4),
        price=D(10),
        time=Instant(1),
    )
    now = 385
    proposals = [
        *strategy.after_fill(fill, at(now, held=5)),
        *strategy.at_close(at(now, 13, held=5)),
        *strategy.at_timers(Instant(0), at(now, held=5)),
        *strategy.leave("stop", at(now, held=5)),
    ]
    assert [it.reason for it in proposals] == ["filled 4", "below", "the day ends", "stop"]
    assert len({it.id for it in proposals}) == 4


def test_an_instance_that_is_restored_goes_on_as_the_one_that_never_stopped(compiled: Compiled) -> None:
    whole, restored = hosted(compiled), hosted(compiled)
    for minute, price in ((1, 10), (2, 20)):
        whole.step(bar(minute, price))
    restored.restore(whole.checkpoint())
    for strategy in (whole, restored):
        strategy.step(bar(3, 30))
    assert list(whole.at_close(at(3, 30))) == list(restored.at_close(at(3, 30)))
    assert whole.checkpoint() == restored.checkpoint()


class TestParameters:
    def test_what_is_not_configured_has_its_default(self) -> None:
        assert read_parameters(Many, {}) == {"size": D(10)}
        assert read_parameters(Many, {"size": "12.5"}) == {"size": D("12.5")}

    def test_a_misspelt_parameter_names_the_nearest(self) -> None:
        with pytest.raises(
            BadValue, match="Many: expected a parameter that it declares, found 'sise'; the nearest is size"
        ):
            read_parameters(Many, {"sise": "12"})

    def test_a_value_out_of_bounds_is_refused(self) -> None:
        with pytest.raises(BadValue, match="size: expected 1 to 100, found 101"):
            read_parameters(Many, {"size": "101"})

    def test_the_digest_names_class_and_values(self) -> None:
        class Other(Many):
            """The same under another name."""

        digests = {
            parameters_digest(Many, {"size": D(10)}),
            parameters_digest(Many, {"size": D(11)}),
            parameters_digest(Other, {"size": D(10)}),
        }
        assert len(digests) == 3
        assert parameters_digest(Many, {"size": D(10)}) in digests
