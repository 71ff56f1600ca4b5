"""Assets are what an agent may trade, days what the calendar knows, configurations what holds."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from agenttrader.app.gateway.alpaca_market import (
    assets_answer,
    calendar_answer,
    configurations_answer,
    symbols_of,
)
from agenttrader.app.gateway.alpaca_questions import AssetsAsked, CalendarAsked
from agenttrader.app.gateway.alpaca_symbols import asset_id
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.instruments import CryptoPair
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import ALFA, BRAVO, CHARLY, OTHER_AGENT, grant, rules

D = Decimal
BOT = AgentName("bot")
COIN, UNLIMITED, UNKNOWN = Symbol("BTC/USD"), Symbol("FREE"), Symbol("NONE")


def with_coins(*, shorting: bool = False) -> Rules:
    """A bot that owns a share, a coin, a share without limits, and a symbol that is no instrument."""
    plain = rules()
    alfa = structs.replace(plain.limits.symbol[ALFA], shorting_permitted=shorting)
    limits = structs.replace(plain.limits, symbol={ALFA: alfa, COIN: alfa})
    instruments: dict[Symbol, Any] = {
        ALFA: plain.instruments[ALFA],
        BRAVO: plain.instruments[BRAVO],
        UNLIMITED: structs.replace(plain.instruments[ALFA], symbol=UNLIMITED),
        COIN: CryptoPair(symbol=COIN, tick=D("0.5"), lot=D("0.0001")),
    }
    grants = {BOT: grant(ALFA, COIN, UNLIMITED, UNKNOWN)}
    return structs.replace(plain, limits=limits, instruments=instruments, grants=grants)


def symbols(**asked: Any) -> list[str]:
    return [asset.symbol for asset in assets_answer(with_coins(), BOT, AssetsAsked(**asked))]


def test_assets_are_the_agents_own() -> None:
    assert symbols() == symbols(exchange="") == symbols(status="active") == [ALFA, UNLIMITED]
    assert symbols(asset_class="crypto") == symbols(asset_class="crypto", exchange="CRYPTO") == [COIN]
    for nothing in ({"status": "inactive"}, {"exchange": "NYSE"}, {"attributes": "ptp_no_exception"}):
        assert symbols(**nothing) == []
    assert symbols_of(with_coins(), AgentName("nobody")) == []
    assert symbols_of(rules(), OTHER_AGENT) == [CHARLY]


def test_an_asset_says_in_which_steps_and_whether_it_is_traded() -> None:
    (coin,) = assets_answer(with_coins(), BOT, AssetsAsked(asset_class="crypto"))
    assert (coin.id, coin.asset_class, coin.exchange) == (asset_id(COIN), "crypto", "CRYPTO")
    assert (coin.min_order_size, coin.min_trade_increment, coin.price_increment) == (
        *(D("0.0001"), D("0.0001"), D("0.5")),
    )
    assert (coin.fractionable, coin.tradable, coin.shortable) == (True, True, False)
    share, free = assets_answer(with_coins(shorting=True), BOT, AssetsAsked())
    assert (share.fractionable, share.tradable, share.shortable) == (False, True, True)
    assert (free.tradable, free.shortable) == (False, False)


def test_configurations_say_what_holds() -> None:
    bare = configurations_answer(with_coins(), BOT, is_blocked=True)
    assert (bare.suspend_trade, bare.no_shorting, bare.fractional_trading) == (True, True, True)
    short = configurations_answer(with_coins(shorting=True), BOT, is_blocked=False)
    assert (short.suspend_trade, short.no_shorting) == (False, False)
    nobody = configurations_answer(with_coins(), AgentName("nobody"), is_blocked=False)
    assert (nobody.fractional_trading, nobody.no_shorting, nobody.max_options_trading_level) == (
        *(False, True, 0),
    )


def test_days_are_told_as_far_as_they_are_known() -> None:
    calendar = rules().calendar
    known = [session.date for session in calendar.sessions]
    assert [day.date for day in calendar_answer(calendar, CalendarAsked())] == known
    one = CalendarAsked(start=known[1], end=f"{known[1]}T00:00:00")
    assert [day.date for day in calendar_answer(calendar, one)] == known[1:2]
    settled = CalendarAsked(start=known[1], end=known[1], date_type="SETTLEMENT")
    assert [day.date for day in calendar_answer(calendar, settled)] == known[:1]


@pytest.mark.parametrize(
    ("asked", "says"),
    (
        ({"start": "1999-01-04"}, "start: expected a day from 2026"),
        ({"end": "2999-01-04"}, "end: expected a day from 2026"),
        ({"start": "soon"}, "start: expected a day as YYYY-MM-DD"),
    ),
)
def test_days_that_are_not_known_are_refused(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        calendar_answer(rules().calendar, CalendarAsked(**asked))
