"""How much of a position is meant: whole lots, never more than asked for, and no silent nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.gateway.alpaca_closing import Part, closing_proposal, part_of
from agenttrader.app.gateway.alpaca_questions import CloseAsked
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.instruments import Equity
from agenttrader.model.market import Mark
from agenttrader.model.orders import Effect, OrderType, Side
from agenttrader.model.values import NOISE
from agenttrader.testing.builders import ALFA, at

D = Decimal
BOT = AgentName("bot")
NAME = OrderId("close-1")
HUNDRED = Mark(price=D(100), time=at(1), source="test")
SHARE, THOUSANDTH = D(1), D("0.001")


@pytest.mark.parametrize(
    ("asked", "held", "lot", "units"),
    (
        ({"qty": "4"}, 10, SHARE, 4),
        ({"qty": "3.9999999999999996"}, 10, SHARE, 4),
        ({"qty": "0.125"}, 10, THOUSANDTH, "0.125"),
        ({"percentage": "50"}, 10, SHARE, 5),
        ({"percentage": "50"}, 11, SHARE, 5),
        ({"percentage": "99.999"}, 10, SHARE, 9),
        # A third as a client's float has it, and as Alpaca's nine decimals do.
        ({"percentage": "33.33333333333333"}, 120, SHARE, 40),
        ({"percentage": "33.333333333"}, 120, SHARE, 40),
        ({"percentage": "28.999999999999996"}, 100, SHARE, 29),
        ({"percentage": "33.3333"}, 120, SHARE, 39),
        ({"percentage": "12.5"}, "0.125", THOUSANDTH, "0.015"),
        ({"percentage": "0.000000000000000000000000001"}, "999999999999999", THOUSANDTH, None),
        ({"percentage": "9"}, 10, SHARE, None),
        ({"qty": "0.5"}, 10, SHARE, None),
    ),
)
def test_so_many_units_are_meant(
    asked: dict[str, str], held: int | str, lot: Decimal, units: int | str | None
) -> None:
    part = part_of(CloseAsked(**asked))
    assert part is not None
    if units is None:
        with pytest.raises(BadValue, match=r"expected a (lot|multiple) of"):
            part.units(D(held), lot)
    else:
        assert part.units(D(held), lot) == D(units)


def test_the_whole_is_what_is_said_by_nothing_and_by_a_hundred() -> None:
    for asked in ({}, {"percentage": "100"}, {"percentage": "100.0"}, {"percentage": "99.99999999999999"}):
        assert part_of(CloseAsked(**asked)) is None


@pytest.mark.parametrize("name", ("qty", "percentage"))
@pytest.mark.parametrize(
    "text", ("0", "-1", "0.00", "", " 4", "4 ", "1_0", "NaN", "sNaN", "Infinity", "1e3", "٤", "9" * 16, "abc")
)
def test_what_is_no_number_above_nothing_is_refused_with_its_text(name: str, text: str) -> None:
    with pytest.raises(BadValue, match=rf"^{name}: expected a decimal number above 0, found '"):
        part_of(CloseAsked(**{name: text}))


def test_both_and_more_than_all_are_refused() -> None:
    with pytest.raises(BadValue, match="found both"):
        part_of(CloseAsked(qty="1", percentage="1"))
    with pytest.raises(BadValue, match=r"expected at most 100, found '100\.1'"):
        part_of(CloseAsked(percentage="100.1"))


@given(
    held=st.integers(1, 10**15).map(lambda units: D(units) / 1000),
    percentage=st.decimals("0.000000001", "99.999999999", places=9),
)
def test_a_percentage_is_never_more_than_it_says_and_the_next_lot_would_be(
    held: Decimal, percentage: Decimal
) -> None:
    wanted = held * percentage / 100
    try:
        found = Part(percentage=percentage).units(held, THOUSANDTH)
    except BadValue:
        assert wanted < THOUSANDTH
        return
    assert found <= wanted + NOISE
    assert found + THOUSANDTH > wanted
    assert not found % THOUSANDTH


@pytest.mark.parametrize("name", ("qty", "percentage"))
def test_a_number_written_otherwise_is_the_same_words(name: str) -> None:
    names = {
        part.digest(BOT, ALFA, 1)
        for text in ("30", "30.0", "030.00")
        if (part := part_of(CloseAsked(**{name: text})))
    }
    assert len(names) == 1


def test_other_words_another_position_and_another_agent_have_names_of_their_own() -> None:
    four, forty = Part(quantity=D(4)), Part(percentage=D(40))
    names = {
        four.digest(BOT, ALFA, 1),
        four.digest(BOT, ALFA, 2),
        forty.digest(BOT, ALFA, 1),
        four.digest(AgentName("other"), ALFA, 1),
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("part", "quantity"), ((None, 7), (Part(quantity=D(3)), 3), (Part(percentage=D(50)), 3))
)
def test_a_close_leaves_at_the_market_whatever_side_is_held(part: Part | None, quantity: Decimal) -> None:
    alfa = Equity(symbol=ALFA, tick=D("0.01"), lot=SHARE)
    for position, side in ((D(7), Side.SELL), (D(-7), Side.BUY)):
        made = closing_proposal(
            ALFA, NAME, BOT, part=part, position=position, instrument=alfa, mark=HUNDRED, now=at(2)
        )
        assert (made.side, made.quantity, made.effect) == (side, quantity, Effect.CLOSE)
        assert (made.type, made.exit_plan, made.decision_price) == (OrderType.MARKET, None, D(100))


def test_a_part_needs_the_lot() -> None:
    with pytest.raises(BadValue, match="close the whole"):
        closing_proposal(
            ALFA,
            NAME,
            BOT,
            part=Part(quantity=D(1)),
            position=D(7),
            instrument=None,
            mark=HUNDRED,
            now=at(2),
        )
