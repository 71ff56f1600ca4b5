"""What the configuration has looser than what ruled: persons sign for exactly that, and then it rules.

Two different persons, or one in two sessions where the profile says that there is one. While a window lets
orders in, nothing is loosened: what was leased was leased under what ruled.
"""

from collections.abc import Mapping

from agenttrader.model.authority import (
    MAY_SIGN,
    Act,
    PersonRole,
    Signature,
    SignedStatement,
    still_missing,
)
from agenttrader.model.identifiers import PersonName
from agenttrader.model.ruling import LimitsLoosened, LooseningSigned, RulingChange
from agenttrader.runtime.ruling import loosening_id
from agenttrader.runtime.state import State

PERSONS = 2
"""How many different persons sign for a loosening."""


def signatures(state: State, name: str, people: Mapping[PersonName, PersonRole]) -> tuple[Signature, ...]:
    """Who has signed for the loosening of that name and still may; who was taken out since does not count."""
    may_sign = MAY_SIGN[Act.LOOSEN_LIMITS]
    return tuple(each for each in state.ruling.signatures(name) if people.get(each.person) in may_sign)


def judged(
    signed: SignedStatement,
    state: State,
    waiting: tuple[RulingChange, ...],
    people: Mapping[PersonName, PersonRole],
    persons: int,
) -> LimitsLoosened | LooseningSigned | str:
    """What the signature brings about, or the sentence with which it is refused."""
    statement, name = signed.statement, loosening_id(waiting)
    if not waiting:
        return "the configuration has nothing looser than what rules; change it and start the gateway again"
    if statement.about != name:
        return (
            f"the statement is about the loosening {statement.about}, and {name} waits: it has changed; look "
            "at it (`agenttrader limits show`), and sign a new one"
        )
    window = state.standing.window
    if window is not None and not window.suspended:
        return "a window is open, and what it leased was leased under what rules; close it first"
    if state.day is None:
        return "no trading day has begun; sign when one has"
    before = signatures(state, name, people)
    given = (*before, Signature(statement.person, state.day.session, statement.confirmation))
    missing = still_missing(given, PERSONS, persons)
    if not missing:
        return LimitsLoosened(changes=waiting, signed=signed)
    if any(each.person == statement.person for each in before):
        return f"{statement.person} has signed for this already; missing: {missing}"
    return LooseningSigned(signed=signed, session=state.day.session)
