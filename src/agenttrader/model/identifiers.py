"""Who and what: one name per kind of identifier, and how the derived ones are derived.

An identifier that must survive a restart is computed from facts, never drawn: the same proposal made twice is
the same order.
"""

import hashlib
from typing import NewType

AccountName = NewType("AccountName", str)
"""The broker account as the broker numbers it."""
AgentName = NewType("AgentName", str)
"""Who may propose: a key's owner, as configured."""
StrategyName = NewType("StrategyName", str)
PersonName = NewType("PersonName", str)
Symbol = NewType("Symbol", str)
OrderId = NewType("OrderId", str)
"""A proposal's id and, from its decision on, the order's: 128 bits shown as a UUID."""
ClientOrderId = NewType("ClientOrderId", str)
"""What an order is called towards the broker."""
BrokerOrderId = NewType("BrokerOrderId", str)
ExecutionId = NewType("ExecutionId", str)
ActivityId = NewType("ActivityId", str)
"""What the broker calls something that moved the account other than a fill."""
Digest = NewType("Digest", str)
"""SHA-256 in hexadecimal."""


_HAND = "person:"
"""How such a name begins. No agent can be configured under one: names have no colon."""


def hand_of(person: PersonName) -> AgentName:
    """As whom a person closes a position by hand."""
    return AgentName(f"{_HAND}{person}")


def person_of(agent: AgentName) -> PersonName | None:
    """Whose hand it is; None of an agent."""
    return PersonName(agent.removeprefix(_HAND)) if agent.startswith(_HAND) else None


def derive_order_id(*facts: str | int) -> OrderId:
    """The order id of these facts. Length-prefixed, so no two lists of facts can run together."""
    texts = [str(fact).encode() for fact in facts]
    prefixed = b"".join([b"%d:%b" % (len(text), text) for text in texts])
    found = hashlib.blake2b(prefixed, digest_size=16, person=b"agenttrader.id").hexdigest()
    return OrderId(f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}")


def derive_agents_order_id(agent: AgentName, *words: str | int) -> OrderId:
    """The id of the order that `agent` calls so.

    The agent is one of the facts, so whatever two agents call theirs, no order of one has the other's id.
    """
    return derive_order_id("order", agent, *words)


def derive_proposed_id(agent: AgentName, proposal_id: str) -> OrderId:
    """The id of the order that `agent` proposes as `proposal_id`; agent and gateway derive the same."""
    return derive_agents_order_id(agent, "proposal", proposal_id)


def derive_client_order_id(sequence: int, head: str) -> ClientOrderId:
    """The id towards the broker of the order whose sending is record `sequence` with hash `head`.

    It carries 64 bits of the chain, so that the broker's own records anchor our journal; it is computed,
    never stored.
    """
    return ClientOrderId(f"at-{sequence}-{head[:16]}")


def digest_of(data: bytes) -> Digest:
    """SHA-256 of `data`, in hexadecimal."""
    return Digest(hashlib.sha256(data).hexdigest())
