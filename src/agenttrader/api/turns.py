"""Whose turn it is at the gateway: no agent's questions keep anybody else waiting.

An answer is made in one go, and a long one takes long; a hundred at once would hold up a person's halt for
seconds. Orders and cancels are not counted: they wait for the journal and the broker, not for the processor,
and the inbox bounds them. Persons are never counted.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping

import msgspec

from agenttrader.api.alpaca import PREFIX
from agenttrader.api.probes import Application, Receive, Scope, Send
from agenttrader.app.gateway.alpaca_refusals import TOO_MANY
from agenttrader.model.identifiers import AgentName

QUESTIONS_MAX = 2
"""Of one agent, in work at a time."""
RETRY_AFTER_SECONDS = 1
_QUESTIONS = frozenset({"GET", "HEAD"})
_KEYS = (b"apca-api-secret-key", b"authorization")
_MESSAGE = (
    f"expected at most {QUESTIONS_MAX} questions of one agent at a time, found more; ask again in a moment"
)


def with_turns(app: Application, agents: Mapping[str, AgentName]) -> Application:
    """`app`, with an agent's questions beyond the most answered 429; `agents` by the SHA-256 of each key."""
    asking: Counter[AgentName] = Counter()

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        is_question = scope["type"] == "http" and scope["method"] in _QUESTIONS
        agent = _agent(scope, agents) if is_question else None
        if agent is None:
            await app(scope, receive, send)
        elif asking[agent] >= QUESTIONS_MAX:
            await _refuse(scope["path"], send)
        else:
            asking[agent] += 1
            try:
                await asyncio.sleep(
                    0
                )  # What came at the same moment is counted before any of it is answered.
                await app(scope, receive, send)
            finally:
                asking[agent] -= 1

    return route


def _agent(scope: Scope, agents: Mapping[str, AgentName]) -> AgentName | None:
    """Whose key the request shows; the face behind judges whether it may."""
    for name, value in scope["headers"]:
        if name in _KEYS:  # Each of them, for a header that is said twice has no last word.
            key = value.strip() if name == _KEYS[0] else value.partition(b" ")[2].strip()
            if (agent := agents.get(hashlib.sha256(key).hexdigest())) is not None:
                return agent
    return None


async def _refuse(path: str, send: Send) -> None:
    code = TOO_MANY if path.startswith(PREFIX) else "too_many_waiting"
    headers = [
        (b"content-type", b"application/json"),
        (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    body = msgspec.json.encode({"code": code, "message": _MESSAGE})
    await send({"type": "http.response.body", "body": body})
