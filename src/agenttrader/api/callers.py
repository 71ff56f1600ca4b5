"""Who speaks to the gateway's `/v1`, what they may do by their key alone, and how bodies come and go."""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from msgspec import Struct

from agenttrader.app.gateway.desk import Desk
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.model.identifiers import AgentName, PersonName

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


class Keys(Struct, frozen=True):
    """Who may speak: SHA-256 of each agent's key and of each person's token."""

    agents: Mapping[str, AgentName]
    people: Mapping[str, PersonName]


class Caller(Struct, frozen=True):
    """Who speaks: an agent, or a person (then `agent` is None and everything may be seen)."""

    name: str
    agent: AgentName | None


class NotPermitted(AgentTraderError):
    """The key is not known."""


class Forbidden(NotPermitted):
    """The key is known, and it may not do this."""


def caller_of(connection: ASGIConnection[Any, Any, Any, Any], keys: Keys) -> Caller:
    """Whoever holds the bearer token. Raises NotPermitted."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    if scheme.lower() == "bearer" and token:
        if (agent := keys.agents.get(digest)) is not None:
            return Caller(agent, agent)
        if (person := keys.people.get(digest)) is not None:
            return Caller(person, None)
    raise NotPermitted(
        "expected the header `Authorization: Bearer KEY` with an agent's key or a person's token that this "
        "gateway knows, found none of them"
    )


def agent_of(request: Request[Any, Any, Any], keys: Keys) -> AgentName:
    """The agent that speaks. Raises NotPermitted, and Forbidden for a person."""
    caller = caller_of(request, keys)
    if caller.agent is None:
        raise Forbidden("a person's token neither proposes orders nor replaces them; use an agent's key")
    return caller.agent


def person_of(request: Request[Any, Any, Any], keys: Keys) -> str:
    """The person who speaks. Raises NotPermitted, and Forbidden for an agent."""
    caller = caller_of(request, keys)
    if caller.agent is not None:
        raise Forbidden(f"{caller.name} is an agent; this takes a person's token")
    return caller.name


def operator_of(request: Request[Any, Any, Any], desk: Desk, keys: Keys) -> str:
    """A person who may do more than look: what cancels may take protection away."""
    person = person_of(request, keys)
    if not desk.session.engine.rules.authority.may_act(PersonName(person)):
        raise Forbidden(
            f"{person} may look, compare and halt; this takes an operator, approver or admin in [people]"
        )
    return person


async def body_of(request: Request[Any, Any, Any]) -> bytes:
    """What was sent. Raises BadValue where that is nothing."""
    body = await request.body()
    if not body:
        raise BadValue("body: expected JSON, found nothing")
    return body


def decode(body: bytes, kind: type[T]) -> T:
    """The body as a `kind`. Raises BadValue, which says where it is not one."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise BadValue(f"body: {error}") from error


def answer(body: object, status: int = 200) -> Response[bytes]:
    """The answer as JSON."""
    return Response(_encoder.encode(body), status_code=status, media_type="application/json")
