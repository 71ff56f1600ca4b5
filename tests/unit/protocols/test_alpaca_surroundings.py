"""What must agree about an account: each kind's address, number, key and mode, and no other kind's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.authority import Mode
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName
from agenttrader.protocols.alpaca_surroundings import Surroundings

SIMULATED, PAPER, LIVE = Surroundings
PAPER_HOST, LIVE_HOST = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"


@pytest.mark.parametrize(
    ("kind", "address"),
    (
        (SIMULATED, "http://127.0.0.1:8000"),
        (SIMULATED, "http://localhost:8000"),
        (SIMULATED, "http://[::1]:8000"),
        (PAPER, PAPER_HOST),
        (LIVE, LIVE_HOST),
    ),
)
def test_an_address_fits_one_kind_of_account(kind: Surroundings, address: str) -> None:
    assert [each for each in Surroundings if each.fault_of_address(address) is None] == [kind]


@pytest.mark.parametrize(
    "address",
    (
        "http://10.0.0.5:8000",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1:8000@example.org",
        "http://[::1].example.org:80",
        "https://127.0.0.1:8000",
        "http://0.0.0.0:8000",
        f"{LIVE_HOST}.example.org",
        "https://sandbox.api.alpaca.markets",
        "",
        *(
            address
            for host in (PAPER_HOST, LIVE_HOST)
            for address in (
                host.replace("https", "http"),
                host.replace("https", "HTTPS"),
                host.replace("api", "API"),
                f"{host}:443",
                f"{host}:8443",
                f"{host}/",
                f"{host}/v2",
                f"{host}?key=1",
                f"{host}#",
                f"{host}.",
                f"{host}\n",
                f" {host}",
                f"{host}@example.org",
                host.replace("://", "://me@"),
                host.replace("://", "://me:secret@"),
                host.replace("://", ":///"),
                host.replace("://", ":\\\\"),
            )
        ),
    ),
)
def test_what_is_written_in_any_other_way_is_nobodys_address(address: str) -> None:
    assert all(kind.fault_of_address(address) is not None for kind in Surroundings)


@given(st.text(max_size=60))
def test_an_address_fits_at_most_one_kind(text: str) -> None:
    for address in (text, PAPER_HOST + text, text + LIVE_HOST):
        fits = [kind for kind in Surroundings if kind.fault_of_address(address) is None]
        assert len(fits) <= 1
        assert not {PAPER, LIVE} & set(fits) or address in (PAPER_HOST, LIVE_HOST)


@pytest.mark.parametrize("secret", ("https://me:sesame@api.alpaca.markets", f"{LIVE_HOST}/?key=sesame"))
def test_a_sentence_on_an_address_does_not_tell_what_may_be_secret_in_it(secret: str) -> None:
    fault = PAPER.fault_of_address(secret)
    assert fault is not None
    assert fault.startswith(f"expected {PAPER_HOST} and nothing more, found 'https://")
    assert "api.alpaca.markets" in fault.partition("found")[2]
    assert "sesame" not in fault


@pytest.mark.parametrize(
    ("kind", "number"), ((SIMULATED, "SIM-1"), (PAPER, "PA3T8N36NVJK"), (LIVE, "910036420"))
)
def test_a_number_fits_one_kind_of_account(kind: Surroundings, number: str) -> None:
    assert [each for each in Surroundings if each.fault_of_number(number) is None] == [kind]


@pytest.mark.parametrize(
    ("kind", "key_id"),
    ((SIMULATED, "demo-account"), (PAPER, "PKZBFZQFCKV2QLTVIGLA"), (LIVE, "AKFZXJH121U18SHHDRFO")),
)
def test_a_key_opens_one_kind_of_account(kind: Surroundings, key_id: str) -> None:
    assert [each for each in Surroundings if each.fault_of_key(key_id) is None] == [kind]


@pytest.mark.parametrize("text", ("", "\n", "PK", "PA", "AK ", "pk1"))
def test_what_is_of_no_known_form_is_no_paper_and_no_live_key(text: str) -> None:
    assert PAPER.fault_of_key(text) is not None
    assert LIVE.fault_of_key(text) is not None


def test_a_sentence_on_a_key_tells_little_of_it() -> None:
    fault = PAPER.fault_of_key("AKFZXJH121U18SHHDRFO")
    assert fault == "expected a paper key, whose id begins with PK, found one that begins with 'AK'"


def test_how_far_a_mode_may_go_is_for_the_kind_of_account_to_say() -> None:
    refused = {kind: [mode for mode in Mode if kind.fault_of_ceiling(mode)] for kind in Surroundings}
    assert refused == {SIMULATED: [Mode.LIVE], PAPER: [Mode.LIVE], LIVE: [Mode.PAPER]}


ADDRESSES = {SIMULATED: "http://127.0.0.1:8000", PAPER: PAPER_HOST, LIVE: LIVE_HOST}
NUMBERS = {SIMULATED: "SIM-1", PAPER: "PA3T8N36NVJK", LIVE: "910036420"}
KEYS = {SIMULATED: "demo-account", PAPER: "PKZBFZQFCKV2QLTVIGLA", LIVE: "AKFZXJH121U18SHHDRFO"}


@pytest.mark.parametrize("key", Surroundings)
@pytest.mark.parametrize("number", Surroundings)
@pytest.mark.parametrize("address", Surroundings)
@pytest.mark.parametrize("kind", Surroundings)
def test_nobody_is_asked_unless_all_of_it_is_of_one_kind(
    kind: Surroundings, address: Surroundings, number: Surroundings, key: Surroundings
) -> None:
    asked: Any = {"address": ADDRESSES[address], "number": AccountName(NUMBERS[number]), "key_id": KEYS[key]}
    if {address, number, key} == {kind}:
        kind.refuse_to_ask(**asked)
        return
    with pytest.raises(
        ConfigurationError, match=f"of kind {kind.value}: expected .*; nothing was sent there"
    ):
        kind.refuse_to_ask(**asked)


@pytest.mark.parametrize(
    ("kind", "expected", "found", "fits"),
    (
        (SIMULATED, "SIM-1", "SIM-1", True),
        (SIMULATED, "SIM-1", "SIM-2", False),
        (PAPER, "PA3T8N36NVJK", "PA3T8N36NVJK", True),
        (PAPER, "PA3T8N36NVJK", "PA3T8N36NVJL", False),
        (PAPER, "910036420", "910036420", False),
        (LIVE, "910036420", "910036420", True),
        (LIVE, "PA3T8N36NVJK", "PA3T8N36NVJK", False),
        (LIVE, "910036420", "", False),
    ),
)
def test_the_broker_must_say_that_it_is_that_account(
    kind: Surroundings,
    expected: str,
    found: str,
    fits: bool,  # noqa: FBT001
) -> None:
    if fits:
        kind.refuse_account(AccountName(expected), found)
        return
    with pytest.raises(ConfigurationError, match="by the broker's word; no order was sent"):
        kind.refuse_account(AccountName(expected), found)
