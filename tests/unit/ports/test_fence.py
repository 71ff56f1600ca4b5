from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence, epoch_above, epoch_to_fence

EPOCHS = st.integers(1, 10**6)
NOW = Instant(1_795_185_000_000_000_000)


def fence(epoch: int) -> Fence:
    return Fence(epoch=epoch, by="kill", reason="enough", time=NOW)


FENCES = st.none() | EPOCHS.map(fence)


@given(EPOCHS, FENCES)
def test_a_fence_keeps_out_who_runs_and_who_is_just_starting_and_not_who_starts_after_it(
    last: int, before: Fence | None
) -> None:
    running, starting = last, epoch_above(last, before)
    raised = fence(epoch_to_fence(last, before, NOW))
    assert running < raised.epoch
    assert before is not None or starting < raised.epoch
    assert epoch_above(last, raised) > raised.epoch


@given(EPOCHS, EPOCHS)
def test_who_started_past_the_last_fence_is_kept_out_by_the_next(last: int, old: int) -> None:
    running = epoch_above(last, fence(old))
    starting = epoch_above(running, fence(old))
    assert epoch_to_fence(running, fence(old), NOW) > max(running, starting)


@given(FENCES)
def test_without_the_journal_the_fence_is_above_every_count_of_starts(before: Fence | None) -> None:
    assert epoch_to_fence(None, before, NOW) == NOW // 1_000_000_000
