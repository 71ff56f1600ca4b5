"""Whatever is asked at whatever moment of a day: the answer is whole, and holds nothing from later."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.app.marketdata.aggregation import Actions, Split
from agenttrader.app.marketdata.history import History
from agenttrader.app.marketdata.offers import generated_offer
from agenttrader.app.marketdata.questions import KINDS, Questions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Told, UpdatedBar, Watermark
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, SECOND, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.alpaca_timeframes import period_at, read_timeframe
from agenttrader.simulation.market import generate_day

FEED = "generated"
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
MINUTES = 60
SESSION = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + MINUTES * MINUTE))
CLOSES = {Symbol("ALFA"): Decimal(50), Symbol("BRVO"): Decimal(70)}
OFFER = generated_offer(SESSION, CLOSES, 7)
Batches = list[list[Told]]


def tell(seed: int) -> Batches:
    """All that is told of a day: one batch for each watermark, which is its last."""
    batches: Batches = [[]]

    def publish(told: Told) -> None:
        batches[-1].append(told)
        if isinstance(told, Watermark):
            batches.append([])

    teller = generated_offer(SESSION, CLOSES, seed).teller(publish)
    for moment in generate_day(CLOSES, SESSION, seed).moments:
        events: list[Told] = [*moment.statuses, *moment.bars, Watermark(time=moment.time)]
        for event in events:
            teller.receive(event)
    assert not batches.pop()
    return batches


# The seeds are such that within this short hour a bar of the first day is corrected.
DAY, OTHER = tell(21), tell(12)


def asked_at(batches: Iterable[list[Told]], actions: Actions = OFFER.actions) -> Questions:
    """Who can be asked once these batches have been told."""
    history = History()
    for batch in batches:
        for told in batch:
            history.take(told)
    return Questions(history, feed=FEED, channels=OFFER.channels, actions=actions)


instants = st.integers(-90, 5_000).map(lambda second: rfc3339(Instant(OPEN + second * SECOND)))
parameters = st.fixed_dictionaries(
    {"symbols": st.sampled_from(["ALFA", "BRVO", "ALFA,BRVO", "BRVO,NONE"])},
    optional={
        "start": instants,
        "end": instants,
        "limit": st.integers(1, 60).map(str),
        "sort": st.sampled_from(["asc", "desc"]),
    },
)
of_bars = st.fixed_dictionaries(
    {"timeframe": st.sampled_from(["1Min", "2Min", "7Min", "1Hour", "1Day", "1Month"])},
    optional={"adjustment": st.sampled_from(["raw", "split", "dividend", "all"])},
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    kind = draw(st.sampled_from(KINDS))
    found = draw(parameters)
    if "start" in found and "end" in found and found["end"] < found["start"]:
        found["start"], found["end"] = found["end"], found["start"]
    return kind, found | (draw(of_bars) if kind == "bars" else {})


def pages(questions: Questions, kind: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every page, one after the other."""
    found: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        query = {**asked, "page_token": token} if token else dict(asked)
        body = msgspec.json.decode(questions.past(kind, query))
        token = body["next_page_token"]
        found.append(body[kind])
        assert len(found) < 2_000
    return found


def put_together(found: Iterable[Mapping[str, list[Any]]]) -> dict[str, list[Any]]:
    whole: dict[str, list[Any]] = {}
    for page in found:
        for symbol, items in page.items():
            whole.setdefault(symbol, []).extend(items)
    return whole


@settings(max_examples=60, deadline=None)
@given(request=requests(), minute=st.integers(0, MINUTES))
def test_no_answer_holds_or_hints_at_what_comes_later(
    request: tuple[str, dict[str, str]], minute: int
) -> None:
    kind, asked = request
    known = asked_at(DAY[: minute + 1])
    expected = known.past(kind, asked)
    # Not even when what comes next has been told, but for its watermark …
    coming = DAY[minute + 1][:-1] if minute < MINUTES else []
    assert asked_at([*DAY[: minute + 1], coming]).past(kind, asked) == expected
    # … and every item of the answer was known at the watermark.
    reached = OPEN + minute * MINUTE
    symbols = {"symbols": asked["symbols"]}
    assert asked_at([*DAY[: minute + 1], coming]).snapshots(symbols) == known.snapshots(symbols)
    for items in msgspec.json.decode(expected)[kind].values():
        for item in items:
            time = from_rfc3339(item["t"])
            if kind == "bars" and asked["timeframe"] == "1Min":
                time = Instant(time + MINUTE)
            assert time <= reached


@settings(max_examples=40, deadline=None)
@given(request=requests(), minute=st.integers(0, MINUTES))
def test_two_days_that_differ_only_later_give_the_same_answers(
    request: tuple[str, dict[str, str]], minute: int
) -> None:
    kind, asked = request
    stolen: list[Told] = [event for event in OTHER[-1] if not isinstance(event, Watermark)]
    first, second = asked_at(DAY[: minute + 1]), asked_at([*DAY[: minute + 1], stolen])
    if minute < MINUTES:
        assert first.past(kind, asked) == second.past(kind, asked)
        for each in KINDS:
            symbols = {"symbols": "ALFA,BRVO"}
            assert first.latest(each, symbols) == second.latest(each, symbols)


@settings(max_examples=60, deadline=None)
@given(request=requests(), minute=st.integers(0, MINUTES))
def test_pages_put_together_are_one_large_page_sorted_by_symbol_then_time(
    request: tuple[str, dict[str, str]], minute: int
) -> None:
    kind, asked = request
    questions = asked_at(DAY[: minute + 1])
    limit = int(asked.get("limit", "1000"))
    found = pages(questions, kind, asked)
    assert all(sum(map(len, page.values())) <= limit for page in found)
    assert all(sum(map(len, page.values())) == limit for page in found[:-1])
    [large] = pages(questions, kind, asked | {"limit": "10000"})
    whole = put_together(found)
    assert whole == large
    assert list(whole) == sorted(whole)
    for items in whole.values():
        times = [item["t"] for item in items]
        assert times == sorted(times, reverse=asked.get("sort") == "desc")


@settings(max_examples=40, deadline=None)
@given(request=requests(), minute=st.integers(0, MINUTES))
def test_everything_in_the_interval_is_there(request: tuple[str, dict[str, str]], minute: int) -> None:
    kind, asked = request
    reached = Instant(OPEN + minute * MINUTE)
    questions = asked_at(DAY[: minute + 1])
    start = from_rfc3339(asked["start"]) if "start" in asked else Instant(0)
    end = from_rfc3339(asked["end"]) if "end" in asked else reached
    wide = {name: value for name, value in asked.items() if name not in {"start", "end", "limit"}}
    [everything] = pages(questions, kind, wide | {"limit": "10000"})
    [found] = pages(questions, kind, asked | {"limit": "10000"})
    for symbol, items in everything.items():
        inside = [item for item in items if start <= from_rfc3339(item["t"]) <= end]
        # A period that began before `start` is left out; one that ends after `end` is whole.
        assert found.get(symbol, []) == inside


def test_longer_bars_agree_with_the_minutes_they_are_made_of() -> None:
    questions = asked_at(DAY)
    [minutes] = pages(questions, "bars", {"symbols": "ALFA", "timeframe": "1Min", "limit": "10000"})
    [longer] = pages(questions, "bars", {"symbols": "ALFA", "timeframe": "7Min", "limit": "10000"})
    frame = read_timeframe("7Min")
    for bar in longer["ALFA"]:
        period = period_at(from_rfc3339(bar["t"]), frame)
        inside = [it for it in minutes["ALFA"] if period.start <= from_rfc3339(it["t"]) < period.end]
        assert (bar["o"], bar["c"], bar["v"]) == (
            inside[0]["o"],
            inside[-1]["c"],
            sum(it["v"] for it in inside),
        )
        assert (bar["h"], bar["l"]) == (max(it["h"] for it in inside), min(it["l"] for it in inside))


def test_a_corrected_bar_is_served_from_when_it_is_known() -> None:
    number, bar = next(
        (number, told.bar)
        for number, batch in enumerate(DAY)
        for told in batch
        if isinstance(told, UpdatedBar)
    )
    asked = {"timeframe": "1Min", "start": rfc3339(bar.start), "end": rfc3339(bar.start)}
    before = msgspec.json.decode(asked_at(DAY[:number]).past_of("bars", bar.symbol, asked))
    after = msgspec.json.decode(asked_at(DAY[: number + 1]).past_of("bars", bar.symbol, asked))
    assert after["bars"][0]["v"] == bar.volume > before["bars"][0]["v"]


def test_before_anything_is_known_every_answer_is_empty() -> None:
    questions = asked_at([])
    assert questions.past("bars", {"symbols": "ALFA", "timeframe": "1Min"}) == (
        b'{"bars":{},"next_page_token":null}'
    )
    assert questions.past_of("trades", "ALFA", {}) == (
        b'{"symbol":"ALFA","trades":[],"next_page_token":null}'
    )
    assert questions.latest("quotes", {"symbols": "ALFA"}) == b'{"quotes":{}}'
    assert questions.latest_of("bars", "ALFA", {}) is None
    assert questions.snapshots({"symbols": "ALFA"}) == b"{}"
    assert questions.snapshot_of("ALFA", {}) is None


def test_a_snapshot_is_the_latest_of_everything_and_the_day_before_where_it_is_known() -> None:
    body = msgspec.json.decode(asked_at(DAY[:31]).snapshot_of("ALFA", {}) or b"")
    assert body["symbol"] == "ALFA"
    assert body["minuteBar"]["c"] == body["dailyBar"]["c"]
    assert body["dailyBar"]["t"] == "2026-11-20T05:00:00Z"
    assert body["prevDailyBar"] is None
    latest = msgspec.json.decode(asked_at(DAY[:31]).latest_of("trades", "ALFA", {}) or b"")
    assert latest == {"symbol": "ALFA", "trade": body["latestTrade"]}


def test_a_split_counts_from_the_day_on_which_it_is_in_effect() -> None:
    effective = Instant(OPEN + 30 * MINUTE)
    split = Split(symbol=Symbol("ALFA"), effective=effective, ratio=Decimal(2))
    actions = Actions(splits=(split,), without_dividends=False)
    asked = {"symbols": "ALFA", "timeframe": "1Min", "limit": "1", "adjustment": "split"}
    [early] = pages(asked_at(DAY[:30], actions), "bars", asked | {"limit": "100"})
    [late] = pages(asked_at(DAY[:31], actions), "bars", asked | {"limit": "100"})
    assert late["ALFA"][0]["o"] == early["ALFA"][0]["o"] / 2
    assert late["ALFA"][0]["v"] == early["ALFA"][0]["v"] * 2


def test_what_the_source_has_not_is_refused_by_name() -> None:
    actions = Actions(splits=None, without_dividends=False)
    questions = Questions(History(), feed="recorded", channels={"bars", "statuses"}, actions=actions)
    refused = "trades: expected one of bars, all that recorded has"
    with pytest.raises(BadValue, match=refused):
        questions.past("trades", {"symbols": "ALFA"})
    with pytest.raises(BadValue, match=refused):
        questions.past_of("trades", "ALFA", {})
    with pytest.raises(BadValue, match=refused):
        questions.latest("trades", {"symbols": "ALFA"})
    with pytest.raises(BadValue, match=refused):
        questions.latest_of("trades", "ALFA", {})
    with pytest.raises(BadValue, match="does not know its symbols' splits, found split"):
        questions.past("bars", {"symbols": "ALFA", "timeframe": "1Min", "adjustment": "split"})
