"""The one table of an order's life: for every state and trigger, the next state, or that this cannot be.

What cannot be is a reconciliation break: never a crash, never ignored. A trigger that repeats what is known
leaves the state as it is (brokers repeat and reorder their reports), so a row `state → state` is an answer,
not an omission.
"""

from agenttrader.model.orders import OrderState as S
from agenttrader.model.words import Word


class Trigger(Word):
    """What may happen to an order. The first five and the requests are ours, the others the broker's."""

    DENY = "deny"
    HOLD = "hold"
    APPROVE = "approve"
    WITHHOLD = "withhold"
    SEND = "send"
    LOSE = "lose"
    """The answer never came: the order may be working."""
    ACCEPT = "accept"
    REJECT = "reject"
    PARTIAL_FILL = "partial_fill"
    FILL = "fill"
    REQUEST_CANCEL = "request_cancel"
    REFUSE_CANCEL = "refuse_cancel"
    CANCEL = "cancel"
    REQUEST_REPLACE = "request_replace"
    REFUSE_REPLACE = "refuse_replace"
    REPLACE = "replace"
    EXPIRE = "expire"
    SUSPEND = "suspend"
    DONE_FOR_DAY = "done_for_day"
    BUST = "bust"
    RESTATE = "restate"


_AT_BROKER = (
    S.SENDING,
    S.UNKNOWN,
    S.ACCEPTED,
    S.PARTIALLY_FILLED,
    S.CANCEL_REQUESTED,
    S.REPLACE_REQUESTED,
    S.SUSPENDED,
    S.DONE_FOR_DAY,
)
_ENDED_AT_BROKER = (S.FILLED, S.CANCELED, S.EXPIRED, S.REPLACED)


def _each(states: tuple[S, ...], result: S) -> dict[S, S]:
    return dict.fromkeys(states, result)


def _same(*states: S) -> dict[S, S]:
    return {state: state for state in states}


TRANSITIONS: dict[Trigger, dict[S, S]] = {
    Trigger.DENY: {S.PROPOSED: S.DENIED, S.PENDING_APPROVAL: S.DENIED},
    Trigger.HOLD: {S.PROPOSED: S.PENDING_APPROVAL},
    Trigger.APPROVE: {S.PROPOSED: S.APPROVED, S.PENDING_APPROVAL: S.APPROVED},
    # Stopped by the last look before the wire, voided while waiting, or never able to leave: the broker has
    # not seen it.
    Trigger.WITHHOLD: {S.PENDING_APPROVAL: S.WITHHELD, S.APPROVED: S.WITHHELD, S.SENDING: S.WITHHELD},
    Trigger.SEND: {S.APPROVED: S.SENDING},
    # The answer may be lost after the stream has told of the order: then nothing is unknown.
    Trigger.LOSE: {S.SENDING: S.UNKNOWN} | _same(*_AT_BROKER[1:], *_ENDED_AT_BROKER, S.REJECTED),
    # An accept may come late: after fills, after our cancel left, after the end, or again after a suspension.
    Trigger.ACCEPT: _each((S.SENDING, S.UNKNOWN, S.ACCEPTED, S.SUSPENDED), S.ACCEPTED)
    | _same(S.PARTIALLY_FILLED, S.CANCEL_REQUESTED, S.REPLACE_REQUESTED, S.DONE_FOR_DAY)
    | _same(*_ENDED_AT_BROKER, S.REJECTED),
    # The exchange may reject what the broker has accepted, and our cancel may cross that.
    Trigger.REJECT: _each((S.SENDING, S.UNKNOWN, S.ACCEPTED, S.CANCEL_REQUESTED, S.REJECTED), S.REJECTED),
    # A fill may beat the accept, and may beat a cancel that is confirmed before the fill is told.
    Trigger.PARTIAL_FILL: _each(
        (S.SENDING, S.UNKNOWN, S.ACCEPTED, S.PARTIALLY_FILLED, S.SUSPENDED, S.DONE_FOR_DAY),
        S.PARTIALLY_FILLED,
    )
    | _same(S.CANCEL_REQUESTED, S.REPLACE_REQUESTED, S.CANCELED, S.EXPIRED, S.REPLACED, S.FILLED),
    # After a fill was taken back, what was filled may fill again. More than was ordered is none of these.
    Trigger.FILL: _each((*_AT_BROKER, S.CANCELED, S.EXPIRED, S.FILLED), S.FILLED),
    Trigger.REQUEST_CANCEL: _each(_AT_BROKER, S.CANCEL_REQUESTED),
    # Refused because it is too late, usually; the end that made it too late is reported by itself. Of two
    # requests the second refusal finds the order as the first one left it.
    Trigger.REFUSE_CANCEL: {S.CANCEL_REQUESTED: S.ACCEPTED}
    | _same(S.ACCEPTED, S.PARTIALLY_FILLED, S.REPLACE_REQUESTED, S.SUSPENDED, S.DONE_FOR_DAY)
    | _same(*_ENDED_AT_BROKER, S.REJECTED),
    # A broker that rejects an entry ends its legs by a cancel of each; they went with the entry already.
    Trigger.CANCEL: _each((*_AT_BROKER, S.CANCELED), S.CANCELED) | _same(S.REJECTED),
    Trigger.REQUEST_REPLACE: _each((S.ACCEPTED, S.PARTIALLY_FILLED), S.REPLACE_REQUESTED),
    # The answer to a replace may cross a cancel that we asked for after it.
    Trigger.REFUSE_REPLACE: {S.REPLACE_REQUESTED: S.ACCEPTED}
    | _same(S.ACCEPTED, S.PARTIALLY_FILLED, S.CANCEL_REQUESTED, *_ENDED_AT_BROKER),
    # A replace that was said to be refused may have come all the same, whatever befell the order since.
    Trigger.REPLACE: _each((*(each for each in _AT_BROKER if each is not S.SENDING), S.REPLACED), S.REPLACED),
    Trigger.EXPIRE: _each((*_AT_BROKER, S.EXPIRED), S.EXPIRED),
    # What we have asked for is still to be answered, whatever the exchange does with the order meanwhile.
    Trigger.SUSPEND: _each((S.ACCEPTED, S.PARTIALLY_FILLED, S.SUSPENDED), S.SUSPENDED)
    | _same(S.CANCEL_REQUESTED, S.REPLACE_REQUESTED),
    Trigger.DONE_FOR_DAY: _each((S.ACCEPTED, S.PARTIALLY_FILLED, S.SUSPENDED, S.DONE_FOR_DAY), S.DONE_FOR_DAY)
    | _same(S.CANCEL_REQUESTED, S.REPLACE_REQUESTED),
    # The exchange took a fill back, or corrected what it had said: quantities change, the state does not.
    Trigger.BUST: _same(S.PARTIALLY_FILLED, S.CANCEL_REQUESTED, S.REPLACE_REQUESTED)
    | _same(S.SUSPENDED, S.DONE_FOR_DAY, *_ENDED_AT_BROKER),
    Trigger.RESTATE: _same(*_AT_BROKER, *_ENDED_AT_BROKER),
}


def next_state(state: S, trigger: Trigger) -> S | None:
    """The state after `trigger`, or None where it cannot be: the caller records a break and leaves the state.

    A refused cancel or replace gives ACCEPTED; an order with fills is then PARTIALLY_FILLED, which only its
    quantities can say.
    """
    return TRANSITIONS[trigger].get(state)
