"""Every state and every trigger, answered by hand from the design; the code's own table is not read."""

import pytest

from agenttrader.model.orders import OrderState as S
from agenttrader.model.transitions import Trigger, next_state

STATES = {
    "pr": S.PROPOSED,
    "de": S.DENIED,
    "pa": S.PENDING_APPROVAL,
    "ap": S.APPROVED,
    "wi": S.WITHHELD,
    "se": S.SENDING,
    "un": S.UNKNOWN,
    "ac": S.ACCEPTED,
    "pf": S.PARTIALLY_FILLED,
    "cr": S.CANCEL_REQUESTED,
    "rr": S.REPLACE_REQUESTED,
    "su": S.SUSPENDED,
    "dd": S.DONE_FOR_DAY,
    "rj": S.REJECTED,
    "fi": S.FILLED,
    "ca": S.CANCELED,
    "ex": S.EXPIRED,
    "rp": S.REPLACED,
}

# A column is the state before, the entry the state after; two dots are what cannot be, a break.
TABLE = """
                pr de pa ap wi | se un ac pf cr rr su dd | rj fi ca ex rp
deny            de .. de .. .. | .. .. .. .. .. .. .. .. | .. .. .. .. ..
hold            pa .. .. .. .. | .. .. .. .. .. .. .. .. | .. .. .. .. ..
approve         ap .. ap .. .. | .. .. .. .. .. .. .. .. | .. .. .. .. ..
withhold        .. .. wi wi .. | wi .. .. .. .. .. .. .. | .. .. .. .. ..
send            .. .. .. se .. | .. .. .. .. .. .. .. .. | .. .. .. .. ..
lose            .. .. .. .. .. | un un ac pf cr rr su dd | rj fi ca ex rp
accept          .. .. .. .. .. | ac ac ac pf cr rr ac dd | rj fi ca ex rp
reject          .. .. .. .. .. | rj rj rj .. rj .. .. .. | rj .. .. .. ..
partial_fill    .. .. .. .. .. | pf pf pf pf cr rr pf pf | .. fi ca ex rp
fill            .. .. .. .. .. | fi fi fi fi fi fi fi fi | .. fi fi fi ..
request_cancel  .. .. .. .. .. | cr cr cr cr cr cr cr cr | .. .. .. .. ..
refuse_cancel   .. .. .. .. .. | .. .. ac pf ac rr su dd | rj fi ca ex rp
cancel          .. .. .. .. .. | ca ca ca ca ca ca ca ca | rj .. ca .. ..
request_replace .. .. .. .. .. | .. .. rr rr .. .. .. .. | .. .. .. .. ..
refuse_replace  .. .. .. .. .. | .. .. ac pf cr ac .. .. | .. fi ca ex rp
replace         .. .. .. .. .. | .. rp rp rp rp rp rp rp | .. .. .. .. rp
expire          .. .. .. .. .. | ex ex ex ex ex ex ex ex | .. .. .. ex ..
suspend         .. .. .. .. .. | .. .. su su cr rr su .. | .. .. .. .. ..
done_for_day    .. .. .. .. .. | .. .. dd dd cr rr dd dd | .. .. .. .. ..
bust            .. .. .. .. .. | .. .. .. pf cr rr su dd | .. fi ca ex rp
restate         .. .. .. .. .. | se un ac pf cr rr su dd | .. fi ca ex rp
"""

_HEADER, *_ROWS = [line.replace("|", " ").split() for line in TABLE.strip().splitlines()]
CASES = [
    (STATES[before], Trigger(trigger), STATES.get(after))
    for trigger, *entries in _ROWS
    for before, after in zip(_HEADER, entries, strict=True)
]


@pytest.mark.parametrize(("before", "trigger", "after"), CASES)
def test_every_state_answers_every_trigger(before: S, trigger: Trigger, after: S | None) -> None:
    assert next_state(before, trigger) is after


def test_the_table_leaves_nothing_out() -> None:
    assert {(before, trigger) for before, trigger, _ in CASES} == {
        (state, trigger) for state in S for trigger in Trigger
    }
    assert len(CASES) == 18 * 21


def test_nothing_leads_back_to_where_the_broker_has_not_seen_it() -> None:
    ours = {S.PROPOSED, S.DENIED, S.PENDING_APPROVAL, S.APPROVED, S.WITHHELD}
    for before in set(S) - ours - {S.SENDING}:
        assert not {next_state(before, trigger) for trigger in Trigger} & ours


def test_an_order_that_has_ended_is_revived_by_nothing() -> None:
    """But a fill that is told late still completes what was canceled or expired."""
    for before in (state for state in S if state.is_terminal):
        for trigger in Trigger:
            after = next_state(before, trigger)
            late = trigger is Trigger.FILL and before in {S.CANCELED, S.EXPIRED}
            assert after in {None, before} or (late and after is S.FILLED)
