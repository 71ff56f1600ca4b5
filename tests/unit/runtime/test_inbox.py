"""The merge of two sources: the same watermarks give the same order, however the sources interleave."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import Instant
from agenttrader.runtime.inbox import ArrivalInbox, Inbox, Source, WatermarkInbox

MARKET, BROKER = Source.MARKET_DATA, Source.BROKER
Released = str | Instant


class Item(NamedTuple):
    """Something that a source says at a data time; a watermark where `name` is empty."""

    source: Source
    time: int
    name: str


def watermark(source: Source, time: int) -> Item:
    return Item(source, time, "")


def hear(inbox: Inbox[str], *said: Item) -> list[Released]:
    released: list[Released] = []
    for source, time, name in said:
        if name:
            released += inbox.offer(source, name, Instant(time))
        else:
            released += inbox.watermark(source, Instant(time))
    return released


def test_market_data_is_heard_before_the_broker() -> None:
    assert [source.rank for source in (MARKET, BROKER)] == [0, 1]


# By the data's own time.


def test_nothing_is_released_before_both_sources_have_reached_it() -> None:
    inbox = WatermarkInbox[str]()
    bar, fill = Item(MARKET, 5, "bar"), Item(BROKER, 5, "fill")
    assert hear(inbox, bar, fill, watermark(MARKET, 5), watermark(MARKET, 9)) == []
    assert hear(inbox, watermark(BROKER, 4)) == [4]
    assert hear(inbox, watermark(BROKER, 5)) == ["bar", "fill", 5]


def test_items_are_released_by_time_then_rank_then_arrival() -> None:
    inbox = WatermarkInbox[str]()
    said = [
        Item(BROKER, 3, "fill 3"),
        Item(MARKET, 4, "bar 4"),
        Item(BROKER, 2, "fill 2"),
        Item(MARKET, 3, "a bar 3"),
        Item(MARKET, 3, "b bar 3"),
        watermark(MARKET, 4),
    ]
    assert hear(inbox, *said) == []
    assert hear(inbox, watermark(BROKER, 4)) == [
        "fill 2",
        "a bar 3",
        "b bar 3",
        "fill 3",
        "bar 4",
        4,
    ]


def test_what_is_ahead_stays_held() -> None:
    inbox = WatermarkInbox[str]()
    hear(inbox, Item(MARKET, 7, "bar 7"), Item(MARKET, 6, "bar 6"), watermark(MARKET, 7))
    assert hear(inbox, watermark(BROKER, 6)) == ["bar 6", 6]
    assert hear(inbox, watermark(BROKER, 7)) == ["bar 7", 7]


@pytest.mark.parametrize("time", (4, 5))
def test_what_is_late_is_an_answer_and_released_at_once(time: int) -> None:
    inbox = WatermarkInbox[str]()
    hear(inbox, watermark(MARKET, 5), watermark(BROKER, 5))
    assert hear(inbox, Item(BROKER, time, "accepted")) == ["accepted"]
    assert hear(inbox, Item(BROKER, 6, "ahead")) == []


def test_a_watermark_that_is_told_again_or_goes_back_says_nothing() -> None:
    inbox = WatermarkInbox[str]()
    hear(inbox, watermark(MARKET, 5), watermark(BROKER, 5))
    assert hear(inbox, watermark(MARKET, 5), watermark(BROKER, 3), watermark(MARKET, 8)) == []
    assert inbox.reached == 5
    assert hear(inbox, watermark(BROKER, 6)) == [6]


times = st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True).map(sorted)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Item], list[Item]]:
    """What each source says, keeping its promise: after its watermark nothing up to it."""
    marks = draw(times)
    told: list[list[Item]] = []
    for source in (MARKET, BROKER):
        stream: list[Item] = []
        before = 0
        for mark in marks:
            said = draw(st.lists(st.integers(before + 1, mark), max_size=4)) if mark > before else []
            stream += [Item(source, time, f"{source.value} {len(stream)} {time}") for time in said]
            stream.append(watermark(source, mark))
            before = mark
        told.append(stream)
    return told[0], told[1]


def interleaved(data: st.DataObject, first: list[Item], second: list[Item]) -> Iterator[Item]:
    """Both streams, each in its own order."""
    turns = data.draw(st.permutations([MARKET] * len(first) + [BROKER] * len(second)))
    of = {MARKET: iter(first), BROKER: iter(second)}
    return (next(of[turn]) for turn in turns)


@given(data=st.data(), both=streams())
def test_any_interleaving_is_released_in_one_order_and_nothing_is_lost(
    data: st.DataObject, both: tuple[list[Item], list[Item]]
) -> None:
    market, broker = both
    in_turn = hear(WatermarkInbox[str](), *market, *broker)
    inbox = WatermarkInbox[str]()
    assert hear(inbox, *interleaved(data, market, broker)) == in_turn
    names = [item.name for item in (*market, *broker) if item.name]
    assert sorted(each for each in in_turn if isinstance(each, str)) == sorted(names)
    assert [each for each in in_turn if isinstance(each, int)] == [
        item.time for item in market if not item.name
    ]


@given(data=st.data(), both=streams())
def test_no_item_comes_before_its_time_or_out_of_its_sources_turn(
    data: st.DataObject, both: tuple[list[Item], list[Item]]
) -> None:
    inbox, told = WatermarkInbox[str](), {MARKET: 0, BROKER: 0}
    released: list[Item] = []
    of_name = {item.name: item for item in (*both[0], *both[1])}
    for item in interleaved(data, *both):
        if not item.name:
            told[item.source] = item.time
        for each in hear(inbox, item):
            if isinstance(each, str):
                assert of_name[each].time <= min(told.values())
                released.append(of_name[each])
    assert [(item.time, item.source.rank) for item in released] == sorted(
        (item.time, item.source.rank) for item in released
    )
    for _, same in groupby(released, key=lambda item: (item.time, item.source)):
        ordered: Iterable[Item] = list(same)
        assert ordered == [item for stream in both for item in stream if item in ordered]


# As it arrives.


def test_arrival_releases_at_once_and_time_goes_by_the_market_data() -> None:
    inbox = ArrivalInbox[str]()
    assert hear(inbox, Item(BROKER, 9, "fill"), Item(MARKET, 3, "bar")) == ["fill", "bar"]
    assert hear(inbox, watermark(BROKER, 9)) == []
    assert hear(inbox, watermark(MARKET, 5), watermark(MARKET, 5), watermark(MARKET, 4)) == [5]
    assert hear(inbox, Item(MARKET, 1, "late")) == ["late"]
    assert (inbox.reached, inbox.held) == (5, 0)


def test_what_waits_is_counted() -> None:
    inbox = WatermarkInbox[str]()
    hear(inbox, Item(BROKER, 1, "one"), Item(MARKET, 2, "two"), watermark(MARKET, 2))
    assert inbox.held == 2
    hear(inbox, watermark(BROKER, 1))
    assert inbox.held == 1


def test_what_is_told_of_later_waits_only_by_the_datas_time() -> None:
    arriving, merging = ArrivalInbox[str](), WatermarkInbox[str]()
    assert merging.is_behind(Instant(0))
    for inbox in (arriving, merging):
        hear(inbox, watermark(MARKET, 5), watermark(BROKER, 4))
        assert not inbox.is_behind(Instant(4))
    assert (arriving.is_behind(Instant(5)), merging.is_behind(Instant(5))) == (False, True)
