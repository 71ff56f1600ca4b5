"""What the protocol promises, and the rules by which it keeps that. Each rule can be taken away."""

from agenttrader.model.words import Word


class Promise(Word):
    """What holds after every step, whatever happens."""

    AT_MOST_ONCE = "at most once"
    """What an agent wished for once is on the wire once at most."""
    RECORDED = "nothing unrecorded"
    """What is on the wire has its record on disk."""
    KNOWN = "all is known"
    """Once the books were compared, each order at the broker is in the book, as what it is there."""
    WITHIN_LIMIT = "within the limit"
    """As an order leaves, what is held and what may fill, it included, is within the limit."""
    COUNTED = "counted once"
    """The book holds no more than was executed."""
    KILLED = "killed is killed"
    """Nothing leaves by a gateway that was killed."""


class Rule(Word):
    """One rule; the value is its sentence."""

    WRITTEN_FIRST = "a decision is on disk before its order leaves"
    ID_FROM_RECORD = "the id towards the broker follows from the record"
    SAME_WISH_SAME_ORDER = "the same proposal again is the same order"
    NEVER_SENT_AGAIN = "what was sent is never sent again"
    UNKNOWN_COUNTS = "an order whose answer never came counts as if it may fill"
    SILENCE_ENDS_NOTHING = "that the broker knows no such order does not end it"
    COUNTED_BY_ID = "an execution counts once, by its id"
    TOLD_AGAIN = "what was missed is asked for: the history is read before the books are compared"
    COMPARED_FIRST = "after a start nothing leaves until the books were compared"
    BREAK_HALTS = "a difference between the books halts"
    ONE_GATEWAY = "one gateway at a time has the store"
    FENCE_IS_LOOKED_AT = "the fence is looked at before each order"


ALL = frozenset(Rule)
