"""Giving agents keys and taking them away. Which agents there are, and what each may, the configuration says.

Every change is one new file in the place of the old; the gateway sees it at its next request.
"""

import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from agenttrader.gateway.limits import Grant
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.authority import Approval, Mode
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import Instant, rfc3339


class Listed(Struct, frozen=True, kw_only=True):
    """One key as a person is shown it: enough of the hash to tell it from others, and how far it reaches."""

    agent: AgentName
    sha256: str
    made: str
    ends: str | None
    is_accepted: bool
    mode_ceiling: Mode | None
    """None, as the next, of an agent that the configuration does not know."""
    approval: Approval | None


def added(
    keys: tuple[AgentKey, ...], agent: AgentName, token: str, now: Instant, known: Iterable[AgentName]
) -> tuple[AgentKey, ...]:
    """With a key for an agent that has none. Raises BadValue."""
    _require_known(agent, known)
    if any(key.agent == agent and key.holds_at(now) for key in keys):
        raise BadValue(f"{agent}: expected an agent without a key, found one; rotate or revoke it")
    return (*_others(keys, agent), _key(agent, token, now))


def rotated(
    keys: tuple[AgentKey, ...],
    agent: AgentName,
    token: str,
    now: Instant,
    grace: int,
    known: Iterable[AgentName],
) -> tuple[AgentKey, ...]:
    """With a new key, the old one accepted for `grace` nanoseconds more. Raises BadValue."""
    _require_known(agent, known)
    old = [key for key in keys if key.agent == agent and key.holds_at(now)]
    if not old:
        raise BadValue(f"{agent}: expected an agent with a key, found none; add one")
    ends = rfc3339(Instant(now + grace))
    ending = [structs.replace(key, ends=min(key.ends or ends, ends)) for key in old if grace]
    return (*_others(keys, agent), *ending, _key(agent, token, now))


def revoked(keys: tuple[AgentKey, ...], agent: AgentName) -> tuple[AgentKey, ...]:
    """Without any key of the agent's. Raises BadValue where there was none."""
    left = _others(keys, agent)
    if len(left) == len(keys):
        raise BadValue(f"{agent}: expected an agent with a key, found none; nothing has changed")
    return left


def listed(keys: tuple[AgentKey, ...], grants: Mapping[AgentName, Grant], now: Instant) -> tuple[Listed, ...]:
    """Every key, by agent; one of an agent that the configuration does not know is not accepted."""
    return tuple(
        _listed(key, grants.get(key.agent), now)
        for key in sorted(keys, key=lambda key: (key.agent, key.made))
    )


def _listed(key: AgentKey, grant: Grant | None, now: Instant) -> Listed:
    return Listed(
        agent=key.agent,
        sha256=key.sha256[:12],
        made=key.made,
        ends=key.ends,
        is_accepted=grant is not None and key.holds_at(now),
        mode_ceiling=None if grant is None else grant.mode_ceiling,
        approval=None if grant is None else grant.approval,
    )


def _others(keys: tuple[AgentKey, ...], agent: AgentName) -> tuple[AgentKey, ...]:
    return tuple(key for key in keys if key.agent != agent)


def _key(agent: AgentName, token: str, now: Instant) -> AgentKey:
    return AgentKey(agent=agent, sha256=hashlib.sha256(token.encode()).hexdigest(), made=rfc3339(now))


def _require_known(agent: AgentName, known: Iterable[AgentName]) -> None:
    names = sorted(known)
    if agent not in names:
        there = ", ".join(names) or "of which there are none"
        raise BadValue(
            f"{agent}: expected one of the configuration's agents, {there}; "
            f"write [agents.{agent}] and [limits.agent.{agent}] first"
        )
