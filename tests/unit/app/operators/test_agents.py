import hashlib

import pytest

from agenttrader.app.operators.agents import added, listed, revoked, rotated
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.authority import Approval, Mode
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.testing.builders import grant

NOW = from_rfc3339("2026-11-20T14:30:00Z")
LATER = Instant(NOW + 10 * MINUTE)
BOT, OTHER = AgentName("bot"), AgentName("other")
KNOWN = (BOT, OTHER)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def with_bot() -> tuple[AgentKey, ...]:
    return added((), BOT, "first", NOW, KNOWN)


def test_an_agent_gets_a_key_of_which_the_hash_alone_is_kept() -> None:
    assert with_bot() == (AgentKey(agent=BOT, sha256=sha256("first"), made=rfc3339(NOW)),)


def test_nobody_gets_a_second_key_or_one_without_being_configured() -> None:
    with pytest.raises(BadValue, match="expected an agent without a key, found one; rotate or revoke it"):
        added(with_bot(), BOT, "second", NOW, KNOWN)
    with pytest.raises(BadValue, match=r"bat: expected one of the configuration's agents, bot, other; write"):
        added((), AgentName("bat"), "first", NOW, KNOWN)


def test_a_rotated_key_ends_at_once_or_after_its_grace() -> None:
    (new,) = rotated(with_bot(), BOT, "second", NOW, 0, KNOWN)
    assert (new.sha256, new.ends) == (sha256("second"), None)
    old, new = rotated(with_bot(), BOT, "second", NOW, 10 * MINUTE, KNOWN)
    assert (old.sha256, old.ends) == (sha256("first"), rfc3339(LATER))
    assert new.holds_at(LATER)
    assert not old.holds_at(LATER)


def test_rotating_again_lengthens_no_grace() -> None:
    once = rotated(with_bot(), BOT, "second", NOW, MINUTE, KNOWN)
    old, middle, new = rotated(once, BOT, "third", NOW, 10 * MINUTE, KNOWN)
    assert (old.ends, middle.ends, new.ends) == (rfc3339(Instant(NOW + MINUTE)), rfc3339(LATER), None)


def test_what_has_ended_is_forgotten_and_no_key_is_rotated_that_is_not() -> None:
    once = rotated(with_bot(), BOT, "second", NOW, MINUTE, KNOWN)
    assert len(rotated(once, BOT, "third", LATER, MINUTE, KNOWN)) == 2
    with pytest.raises(BadValue, match="other: expected an agent with a key, found none; add one"):
        rotated(once, OTHER, "first", NOW, 0, KNOWN)


def test_revoking_takes_every_key_of_one_agent() -> None:
    keys = added(rotated(with_bot(), BOT, "second", NOW, MINUTE, KNOWN), OTHER, "others", NOW, KNOWN)
    assert [key.agent for key in revoked(keys, BOT)] == [OTHER]
    with pytest.raises(BadValue, match="bot: expected an agent with a key, found none; nothing has changed"):
        revoked(revoked(keys, BOT), BOT)


def test_the_list_says_what_is_accepted_now() -> None:
    keys = added(rotated(with_bot(), BOT, "second", NOW, MINUTE, KNOWN), OTHER, "others", NOW, KNOWN)
    found = listed(keys, {BOT: grant()}, Instant(NOW + MINUTE))
    assert [(key.agent, key.sha256, key.is_accepted) for key in found] == [
        (BOT, sha256("first")[:12], False),
        (BOT, sha256("second")[:12], True),
        (OTHER, sha256("others")[:12], False),
    ]


def test_the_list_says_how_far_each_agents_entries_may_go() -> None:
    keys = added(with_bot(), OTHER, "others", NOW, KNOWN)
    policy = grant(mode_ceiling=Mode.DRY_RUN, approval=Approval.MANUAL)
    known, unknown = listed(keys, {BOT: policy}, NOW)
    assert (known.mode_ceiling, known.approval) == (Mode.DRY_RUN, Approval.MANUAL)
    assert (unknown.mode_ceiling, unknown.approval) == (None, None)
