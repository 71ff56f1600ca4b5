from decimal import Decimal

from agenttrader.exits.acts import Tenancy
from agenttrader.model.orders import OrderState
from agenttrader.protocols.native import OrderChanged, PositionsChanged, TradingChanged
from agenttrader.runtime.exits_view import ExitsView
from agenttrader.testing.exits_facts import ALFA, EXITS, bar, minute, order, position, snapshot

HELD = Tenancy(ALFA, 7)


def view(best: int | None = None) -> ExitsView:
    return ExitsView(EXITS, (), {} if best is None else {HELD: Decimal(best)})


def best(seen: ExitsView) -> Decimal | None:
    (found,) = seen.positions()
    return found.best


def test_the_best_price_is_counted_from_the_first_bar_that_began_while_it_was_held() -> None:
    seen = view()
    seen.observe(bar(1, 100, high=130))
    seen.apply(snapshot(position()))
    assert best(seen) is None, "that bar had begun before"
    seen.observe(bar(2, 100, high=104))
    seen.observe(bar(3, 100, high=102))
    assert best(seen) == 104


def test_bars_that_came_before_the_position_was_told_count_too() -> None:
    seen = view()
    for each in (bar(1, 100, high=130), bar(2, 100, high=107), bar(3, 100)):
        seen.observe(each)
    seen.apply(snapshot(position()))
    assert best(seen) == 107


def test_a_short_positions_best_price_is_its_lowest() -> None:
    seen = view()
    seen.apply(snapshot(position(quantity=Decimal(-10), stated_quantity=Decimal(-10))))
    seen.observe(bar(2, 100, high=104, low=93))
    seen.observe(bar(3, 100, low=95))
    assert best(seen) == 93


def test_what_was_remembered_counts_until_something_better_is_seen() -> None:
    seen = view(best=106)
    seen.apply(snapshot(position()))
    assert best(seen) == 106
    seen.observe(bar(2, 100, high=104))
    assert best(seen) == 106
    seen.observe(bar(3, 100, high=108))
    assert seen.bests() == {HELD: Decimal(108)}


def test_what_was_remembered_of_a_position_that_is_gone_is_forgotten() -> None:
    seen = view(best=106)
    seen.apply(snapshot(position(sequence=8)))
    assert seen.bests() == {}
    seen.apply(PositionsChanged(positions=()))
    assert tuple(seen.positions()) == ()


def test_a_bar_that_is_told_again_changes_nothing() -> None:
    seen = view()
    seen.apply(snapshot(position()))
    for each in (bar(2, 100, high=104), bar(3, 101), bar(2, 90, high=104)):
        seen.observe(each)
    assert seen.marks() == {ALFA: Decimal(101)}


def test_before_the_first_bar_the_gateways_mark_is_the_price() -> None:
    seen = view()
    seen.apply(snapshot(position(mark=Decimal(99))))
    assert seen.marks() == {ALFA: Decimal(99)}
    seen.apply(PositionsChanged(positions=(position(mark=None),)))
    assert seen.marks() == {}


def test_ended_orders_of_others_are_not_shown_and_our_own_are_while_the_symbol_is_held() -> None:
    seen = view()
    theirs = order("theirs", agent="momentum", state="canceled")
    ours = order("ours", state="denied")
    seen.apply(snapshot(position(), orders=(theirs, ours)))
    assert [(each.id, each.proposal_id) for each in seen.orders()] == [("ours", "ours")]
    seen.apply(PositionsChanged(positions=()))
    assert seen.orders() == ()


def test_what_works_is_shown_with_the_entry_that_it_came_with() -> None:
    seen = view()
    entry = order("entry", agent="momentum", effect="open", role="entry", state="filled")
    leg = order("leg", agent="momentum", parent="entry", proposal_id=None)
    seen.apply(snapshot(orders=(entry, leg)))
    assert {each.id for each in seen.orders()} == {"entry", "leg"}
    seen.apply(OrderChanged(order=order("leg", agent="momentum", parent="entry", state="canceled")))
    assert seen.orders() == ()


def test_the_other_half_of_our_own_pair_has_no_name_of_its_own() -> None:
    seen = view()
    seen.apply(snapshot(position(), orders=(order("pair"), order("stop", parent="pair", proposal_id=None))))
    assert {each.id: each.proposal_id for each in seen.orders()} == {"pair": "pair", "stop": None}


def test_a_snapshot_replaces_everything() -> None:
    seen = view()
    seen.apply(snapshot(position(), orders=(order("ours"),)))
    seen.apply(snapshot(at=2))
    assert (tuple(seen.positions()), seen.orders(), seen.knows(order("ours").id)) == ((), (), False)


def test_what_is_left_of_an_order_and_its_state_are_told() -> None:
    seen = view()
    seen.learn(order("ours", filled_quantity=Decimal(4), state="partially_filled"))
    (found,) = seen.orders()
    assert (found.remaining, found.state, found.updated) == (
        Decimal(6),
        OrderState.PARTIALLY_FILLED,
        minute(1),
    )


def test_frozen_is_told_by_the_snapshot_and_by_a_change() -> None:
    seen = view()
    seen.apply(snapshot(state="frozen"))
    assert seen.is_frozen
    seen.apply(TradingChanged(trading=snapshot(state="halted").trading))
    assert not seen.is_frozen
