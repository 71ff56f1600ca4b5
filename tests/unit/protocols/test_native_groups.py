"""What an agent may say of proposals that hold together."""

import json
from typing import Any

import msgspec
import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import derive_proposed_id
from agenttrader.model.orders import Leg
from agenttrader.protocols.native import to_body
from agenttrader.protocols.native_groups import decode_group
from agenttrader.testing.builders import AGENT, BRAVO, OTHER_AGENT, proposal

PAIR = [msgspec.to_builtins(to_body(each)) for each in (proposal(1), proposal(2, legs=(Leg(BRAVO),)))]


def body(*members: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({"group": "a pair", "proposals": members or PAIR} | changes).encode()


def nameless(member: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name != "proposal_id"}


def test_each_member_is_a_proposal_of_the_group_under_its_own_id() -> None:
    found = decode_group(body(), AGENT)
    assert [each.group for each in found] == ["a pair"] * 2
    assert [each.symbol for each in found] == ["ALFA", "BRAVO"]
    assert [each.id for each in found] == [derive_proposed_id(AGENT, each["proposal_id"]) for each in PAIR]


def test_without_ids_the_body_and_the_place_in_it_make_them() -> None:
    asked = body(*[nameless(PAIR[0])] * 2)
    first, second = decode_group(asked, AGENT)
    assert first.id != second.id
    assert decode_group(asked, AGENT) == (first, second)
    assert not {each.id for each in decode_group(asked, OTHER_AGENT)} & {first.id, second.id}


def test_a_member_may_name_the_group_itself() -> None:
    assert decode_group(body(PAIR[0] | {"group": "a pair"}, PAIR[1]), AGENT) == decode_group(body(), AGENT)
    with pytest.raises(BadValue, match=r"group: expected 'a pair' in each proposal, or none, found 'other'"):
        decode_group(body(PAIR[0] | {"group": "other"}, PAIR[1]), AGENT)


@pytest.mark.parametrize(
    ("asked", "found"),
    (
        (body(PAIR[0]), r"length >= 2 - at `\$.proposals`"),
        (body(*[PAIR[0]] * 9), r"length <= 8 - at `\$.proposals`"),
        (body(group=""), r"length >= 1 - at `\$.group`"),
        (body(group="x" * 129), r"length <= 128 - at `\$.group`"),
        (body(agent="other"), "unknown field `agent`"),
        (body(PAIR[0] | {"nonsense": 1}, PAIR[1]), "unknown field `nonsense`"),
        (b"\xff", "^group: "),
        (b"", "^group: "),
    ),
)
def test_what_is_no_group_is_refused(asked: bytes, found: str) -> None:
    with pytest.raises(BadValue, match=found):
        decode_group(asked, AGENT)
