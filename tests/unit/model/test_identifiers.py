from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import (
    AgentName,
    derive_agents_order_id,
    derive_client_order_id,
    derive_order_id,
    derive_proposed_id,
    digest_of,
)

FACTS = st.lists(st.text(max_size=6) | st.integers(), max_size=4)


def test_derived_ids_do_not_change() -> None:
    """A restart must propose the same order, whatever version it restarts with."""
    assert derive_order_id() == "e97ba1bc-5671-f175-403f-923f4b67ff6b"
    assert (
        derive_order_id("momentum", "ALFA", 1_795_185_000_000_000_000, 0)
        == "2f69e4f6-e0e3-a172-f025-325b7c9e3b1e"
    )
    assert derive_order_id("é", -1) == "e7d8a035-3c82-6d7a-9013-0de7fe59ae75"


def test_no_words_give_two_agents_one_id() -> None:
    ours, theirs = AgentName("ours"), AgentName("theirs")
    assert derive_proposed_id(ours, "a") == derive_agents_order_id(ours, "proposal", "a")
    assert derive_proposed_id(ours, "a") != derive_proposed_id(theirs, "a")
    assert derive_agents_order_id(ours, "theirs", 1) != derive_agents_order_id(theirs, "ours", 1)


def test_a_derived_id_reads_as_a_uuid_of_128_bits() -> None:
    text = derive_order_id("a", 1)
    assert str(UUID(text)) == text


@given(FACTS, FACTS)
def test_other_facts_give_another_id(one: list[str | int], other: list[str | int]) -> None:
    """A number and its text are one fact; beyond that, no two lists run together."""
    same = list(map(str, one)) == list(map(str, other))
    assert (derive_order_id(*one) == derive_order_id(*other)) is same


def test_facts_do_not_run_together() -> None:
    lists = (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("1:a", "b"), ("1", ":a", "b"))
    assert len({derive_order_id(*facts) for facts in lists}) == len(lists)


def test_a_client_order_id_carries_the_sequence_and_64_bits_of_the_chain() -> None:
    head = "0123456789abcdef" * 4
    assert derive_client_order_id(42, head) == "at-42-0123456789abcdef"
    assert len(derive_client_order_id(10**15, head)) <= 48  # Alpaca takes 128 characters, others 48.


def test_a_digest_is_sha_256_in_hexadecimal() -> None:
    assert digest_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
