"""Identifiers that are the same for the same inputs, and never the same for two things."""

from uuid import UUID

from agenttrader.simulation.identities import Numbering, derive_uuid


def test_lists_of_facts_cannot_run_together() -> None:
    assert derive_uuid("asset", "AB", "C") != derive_uuid("asset", "A", "BC")
    assert derive_uuid("asset", "A") == derive_uuid("asset", "A")


def test_an_accounts_numbers_are_uuids_that_end_in_them() -> None:
    numbering = Numbering("a")
    found = [numbering.next() for _ in range(12)]
    assert [number for number, _ in found] == list(range(1, 13))
    assert [str(UUID(text)) for _, text in found] == [text for _, text in found]
    assert found[-1][1].endswith("-000000000012")


def test_two_accounts_never_share_an_identifier() -> None:
    assert Numbering("a").next() == Numbering("a").next()
    assert Numbering("a").next() != Numbering("b").next()
