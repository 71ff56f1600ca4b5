"""What the strategy host takes in besides what it hears, and what it says."""

from msgspec import Struct

from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import Proposal
from agenttrader.model.times import Instant
from agenttrader.protocols.native import AnswerBody
from agenttrader.runtime.hearing import Heard
from agenttrader.strategies.memory import Memory


class Answered(Struct, frozen=True):
    """The gateway answered a proposal."""

    answer: AnswerBody


class GivenUp(Struct, frozen=True):
    """No answer or no firm state came in time, or the message was refused; the host goes on without.

    Said by the host, that it sends one no more that it finds after a restart: it has become too old.
    """

    order_id: OrderId
    reason: str


class Written(Struct, frozen=True):
    """What was to be remembered is on disk. Where it is not, no entry leaves: a restart would not know it."""

    durably: bool


Input = Heard | Answered | GivenUp | Written


class Propose(Struct, frozen=True):
    """Send this proposal and come back with its answer."""

    proposal: Proposal


class Remember(Struct, frozen=True):
    """Write this, durably, and come back."""

    memory: Memory


class Settled(Struct, frozen=True):
    """Everything up to `time` has been acted on; a paced source may go on."""

    time: Instant


Output = Propose | Remember | GivenUp | Settled
