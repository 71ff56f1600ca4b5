"""Every denial has a status and a code that clients take as final."""

from typing import cast

import ccxt  # type: ignore[import-untyped]
import msgspec
import pytest

from agenttrader.app.gateway.alpaca_refusals import (
    CANNOT_BE,
    IN_THEIR_WORDS,
    Refused,
    cannot_be,
    denial_of,
    not_found,
    not_now,
)
from agenttrader.gateway.checks.catalog import CHECKS
from agenttrader.model.decisions import Check
from agenttrader.model.events import Decided
from agenttrader.model.records import Chain, Sealed
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import encode
from agenttrader.testing.builders import MULTIPLIERS, at, decision, proposal

CODES = [rule.code for rule in CHECKS]


def denied(code: str) -> Order:
    """An order that was denied by the check, which knew nothing."""
    found = msgspec.structs.replace(
        decision(proposal(), denied_by=code), checks=(Check(code, None, None, passed=False),)
    )
    sealed = Chain().seal(Decided(proposal=proposal(), decision=found), at(1))
    return OrderLedger(MULTIPLIERS).decide(cast("Sealed[Decided]", sealed))


def test_what_cannot_be_names_checks_that_are() -> None:
    assert set(CODES) > CANNOT_BE
    assert set(CODES) > set(IN_THEIR_WORDS)


@pytest.mark.parametrize("code", CODES)
def test_every_check_denies_in_one_of_two_ways_with_its_name_and_a_sentence(code: str) -> None:
    found = denial_of(denied(code))
    expected = (422, 42210000) if code in CANNOT_BE else (403, 40310000)
    assert (found.status, found.error.code) == expected
    assert found.error.message.startswith(f"denied by {code}: ")
    assert len(found.error.message) > len(f"denied by {code}: ") + 10
    assert found.error.message.endswith(IN_THEIR_WORDS.get(code, "."))


@pytest.mark.parametrize("refusal", (not_now("no"), cannot_be("no"), not_found("no")))
def test_ccxt_takes_every_refusal_as_final(refusal: Refused) -> None:
    """A network's error it would send again, under a new id."""
    body = encode(refusal.error).decode()
    exchange = ccxt.alpaca()
    with pytest.raises(ccxt.ExchangeError) as raised:
        exchange.handle_errors(
            int(refusal.status), "", "", "POST", {}, body, exchange.parse_json(body), {}, ""
        )
    assert not isinstance(raised.value, ccxt.NetworkError)
