from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    GroupLimits,
    Limits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.model.errors import BadValue
from agenttrader.model.orders import OrderType, TimeInForce
from agenttrader.testing.situations import AGENT, ALFA, GROUP, entry


def test_no_limit_has_a_default() -> None:
    for kind in (AccountLimits, AgentLimits, SymbolLimits, GroupLimits, StrategyLimits, Limits):
        assert all(field.required for field in msgspec.structs.fields(kind))


@pytest.mark.parametrize("number", ("-0.01", "NaN", "Infinity"))
def test_a_limit_is_a_finite_number_and_not_below_0(number: str) -> None:
    with pytest.raises(BadValue, match="daily_loss_max: expected"):
        msgspec.structs.replace(entry().limits.account, daily_loss_max=Decimal(number))
    with pytest.raises(BadValue, match="orders_per_minute_max: expected 0 or more, found -1"):
        msgspec.structs.replace(entry().limits.agent[AGENT], orders_per_minute_max=-1)


def test_repeats_are_counted_over_some_time() -> None:
    with pytest.raises(BadValue, match="repeat_seconds: expected 1 to 86400, a day, found 0"):
        msgspec.structs.replace(entry().limits.agent[AGENT], repeat_seconds=0)


def test_a_group_of_no_symbols_would_limit_nothing_and_is_refused() -> None:
    with pytest.raises(BadValue, match="symbols: expected one or more, found none"):
        msgspec.structs.replace(entry().limits.group[GROUP], symbols=frozenset())


@pytest.mark.parametrize("name", ("price_collar_fraction_max", "reducing_price_collar_fraction_max"))
def test_a_collar_leaves_no_room_for_a_price_of_0(name: str) -> None:
    with pytest.raises(BadValue, match=f"{name}: expected a fraction below 1, such as 0.05, found 1"):
        msgspec.structs.replace(entry().limits.symbol[ALFA], **{name: Decimal(1)})


def test_the_digest_names_every_number_and_no_order_of_names() -> None:
    limits = entry().limits
    turned = msgspec.structs.replace(limits, symbol=dict(reversed(limits.symbol.items())))
    assert limits.digest == turned.digest
    assert limits.digest != entry().limiting_account(open_orders_max=21).limits.digest


def test_nor_the_order_of_words_in_a_list_nor_a_word_that_stands_there_twice() -> None:
    limits, types, times = entry().limits, tuple(OrderType), tuple(TimeInForce)
    written = (types, times), (types[::-1], times[::-1]), ((*types, types[0]), (times[0], *times))
    found = {
        replace(
            limits, agent={AGENT: replace(limits.agent[AGENT], order_types=kinds, times_in_force=lasting)}
        ).digest
        for kinds, lasting in written
    }
    assert len(found) == 1
