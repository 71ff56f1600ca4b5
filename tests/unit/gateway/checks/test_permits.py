from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.model.decisions import Check
from agenttrader.model.instruments import CryptoPair, Option
from agenttrader.testing.builders import PERMITS
from agenttrader.testing.situations import (
    ALFA,
    BRVO,
    Situation,
    check_of,
    entry,
    exit_of_long,
    short_entry,
    spread_entry,
)

COIN = CryptoPair(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal("0.0001"))
CALL = Option(
    symbol=ALFA,
    tick=Decimal("0.01"),
    lot=Decimal(1),
    underlying=BRVO,
    expiry="2026-12-18",
    strike=Decimal(100),
    right="call",
)
FREE = "an account that is ACTIVE, with nothing blocked"
SHORT = "an account that may sell short"


def permitting(situation: Situation, **changes: Any) -> Check:
    permits = replace(PERMITS, **changes)
    return check_of(situation.seeing(permits=permits).decide(), "account_permits")


@pytest.mark.parametrize("situation", (entry(), short_entry(), spread_entry()))
def test_what_the_broker_permits_passes(situation: Situation) -> None:
    assert permitting(situation).passed


@pytest.mark.parametrize(
    ("changes", "observed"),
    (
        ({"status": "ONBOARDING"}, "status ONBOARDING"),
        ({"trading_blocked": True}, "trading_blocked"),
        ({"account_blocked": None}, "account_blocked"),
        (
            {"trading_blocked": True, "trade_suspended_by_user": True},
            "trading_blocked, trade_suspended_by_user",
        ),
    ),
)
def test_a_blocked_account_opens_nothing(changes: dict[str, Any], observed: str) -> None:
    assert permitting(entry(), **changes) == Check("account_permits", observed, FREE, passed=False)


def test_an_account_that_was_never_heard_of_opens_nothing_and_leaves_what_it_holds() -> None:
    unheard = entry().seeing(permits=None).decide()
    assert check_of(unheard, "account_permits") == Check("account_permits", None, FREE, passed=False)
    assert exit_of_long().seeing(permits=None).decide().denied_by is None


@pytest.mark.parametrize(("shorting", "said"), ((False, "no shorting"), (None, "not said")))
def test_only_an_account_that_may_sell_short_does(said: str, *, shorting: bool | None) -> None:
    assert permitting(short_entry(), shorting=shorting) == Check("account_permits", said, SHORT, passed=False)
    assert permitting(entry(), shorting=shorting).passed


def coins() -> Situation:
    return entry().seeing_leg(instrument=COIN)


def test_coins_need_an_account_for_coins() -> None:
    assert permitting(coins()).passed
    for status in (None, "INACTIVE"):
        check = permitting(coins(), coin_status=status)
        assert check == Check("account_permits", f"{status}", "an account that may trade coins", passed=False)
        assert permitting(entry(), coin_status=status).passed


def of_option(situation: Situation) -> Situation:
    return situation.seeing_leg(instrument=CALL)


@pytest.mark.parametrize(
    ("situation", "level"),
    ((of_option(short_entry()), 1), (of_option(entry()), 2), (of_option(spread_entry()), 3)),
)
def test_options_need_the_level_for_what_is_done_with_them(situation: Situation, level: int) -> None:
    assert permitting(situation, options_level=level).passed
    for found in (level - 1, None):
        check = permitting(situation, options_level=found)
        assert check == Check(
            "account_permits", f"options level {found}", f"options level {level}", passed=False
        )
