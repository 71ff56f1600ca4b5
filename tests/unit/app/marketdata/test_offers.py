from decimal import Decimal

from agenttrader.app.marketdata.offers import generated_offer, recorded_offer
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Luld, Told, Trade, Watermark
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.alpaca_data import channel_of
from agenttrader.simulation.days import Day
from agenttrader.simulation.market import generate_day

ALFA = Symbol("ALFA")
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
SESSION = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE))
DAY = generate_day({ALFA: Decimal(50)}, SESSION, 7)
GENERATED = generated_offer(SESSION, {ALFA: Decimal(50)}, 7)


def play(day: Day, receive: object) -> None:
    assert callable(receive)
    for moment in day.moments:
        for told in (*moment.statuses, *moment.quotes, *moment.bars, Watermark(time=moment.time)):
            receive(told)


def test_a_generated_day_has_every_channel_and_tells_something_on_each() -> None:
    told: list[Told] = []
    play(DAY, GENERATED.teller(told.append).receive)
    assert {channel_of(event) for event in told} == GENERATED.channels | {None}
    assert GENERATED.actions.splits == ()
    assert GENERATED.actions.without_dividends


def test_the_seed_chooses_the_story() -> None:
    stories = []
    for seed in (7, 7, 8):
        told: list[Told] = []
        play(DAY, generated_offer(SESSION, {ALFA: Decimal(50)}, seed).teller(told.append).receive)
        stories.append([event for event in told if isinstance(event, Trade)])
    assert stories[0] == stories[1] != stories[2]


def test_of_a_recorded_day_nothing_is_invented() -> None:
    told: list[Told] = []
    offer = recorded_offer(SESSION, {ALFA: None}, quotes=False)
    play(DAY, offer.teller(told.append).receive)
    assert {channel_of(event) for event in told} == offer.channels | {None}
    assert offer.channels == {"bars", "dailyBars", "lulds", "statuses"}
    assert recorded_offer(SESSION, {ALFA: None}, quotes=True).channels == offer.channels | {"quotes"}
    assert (offer.actions.splits, offer.actions.without_dividends) == (None, False)
    assert any(isinstance(event, Luld) for event in told)
