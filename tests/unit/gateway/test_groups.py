"""The decisions on a group, from those on its members."""

from decimal import Decimal

from msgspec import structs

from agenttrader.gateway.groups import CODE, together
from agenttrader.gateway.sentences import sentence_of
from agenttrader.model.decisions import Verdict
from agenttrader.model.orders import Leg
from agenttrader.testing.builders import ALFA, BRAVO, CHARLY, decision, proposal

MEMBERS = [proposal(number, legs=(Leg(symbol),)) for number, symbol in enumerate((ALFA, BRAVO, CHARLY), 1)]


def test_all_that_would_be_approved_are() -> None:
    found = together(MEMBERS, [decision(each) for each in MEMBERS])
    assert [each.verdict for each in found] == [Verdict.APPROVED] * 3
    assert {each.checks[-1].code for each in found} == {CODE}
    assert all(each.checks[-1].passed for each in found)


def test_one_that_is_denied_denies_the_others_by_the_groups_code_and_keeps_its_own() -> None:
    alone = [decision(MEMBERS[0]), decision(MEMBERS[1], denied_by="position"), decision(MEMBERS[2])]
    found = together(MEMBERS, alone)
    assert [each.denied_by for each in found] == ["group", "position", "group"]
    assert [each.verdict for each in found] == [Verdict.DENIED] * 3
    assert sentence_of(found[0].checks[-1]) == (
        "The proposals of its group are approved together or not at all, and not all are: BRAVO denied by "
        "position. Mend what was denied by itself, or propose this one alone."
    )


def test_what_was_decided_on_stays_as_it_was() -> None:
    alone = [decision(each, price=Decimal(7)) for each in MEMBERS]
    inputs = [each.inputs for each in together(MEMBERS, alone)]
    assert inputs == [structs.replace(each.inputs, together=len(MEMBERS)) for each in alone]
