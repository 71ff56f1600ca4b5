"""What is due comes in the order of its times, and of one time as it was written down."""

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import INSTANT_MAX, Instant
from agenttrader.simulation.agenda import Agenda


@given(st.lists(st.integers(0, 5)))
def test_what_is_due_comes_in_order(times: list[int]) -> None:
    agenda = Agenda()
    for number, time in enumerate(times):
        agenda.add(Instant(time), f"o{number}")
    taken = []
    while agenda.next_time < INSTANT_MAX:
        first = agenda.next_time
        taken.append(agenda.take())
        assert taken[-1][0] == first
    expected = sorted(enumerate(times), key=lambda entry: entry[1])
    assert taken == [(time, f"o{number}") for number, time in expected]
