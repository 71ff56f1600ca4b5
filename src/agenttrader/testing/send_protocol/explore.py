"""Every history of the model, breadth first: which worlds there are, and the shortest way to each fault."""

from collections import deque
from collections.abc import Iterator, Mapping

from msgspec import Struct

from agenttrader.testing.send_protocol.model import Rules, acts, after, broken
from agenttrader.testing.send_protocol.rules import Promise
from agenttrader.testing.send_protocol.state import Act, World


class Found(Struct, frozen=True):
    """What was found."""

    worlds: int
    """How many were seen."""
    is_all: bool
    """Whether there are no more."""
    faults: Mapping[Promise, tuple[Act, ...]]
    """The promises that can be broken, each with the shortest history that does."""


def explore(rules: Rules, worlds_max: int) -> Found:
    """Play every history by these rules, the short ones first, until nothing new can happen, or so many."""
    start = World()
    came: dict[World, tuple[World, Act] | None] = {start: None}
    faults: dict[Promise, tuple[Act, ...]] = {}
    waiting = deque([start])
    while waiting and len(came) < worlds_max:
        world = waiting.popleft()
        for act in acts(world, rules):
            following = after(world, act, rules)
            if following in came:
                continue
            came[following] = (world, act)
            waiting.append(following)
            for promise in broken(following) - faults.keys():
                faults[promise] = _history(came, following)
    return Found(len(came), not waiting, faults)


def histories(rules: Rules) -> Iterator[tuple[Act, ...]]:
    """A shortest history to every world that there is by these rules."""
    start = World()
    seen, waiting = {start}, deque([(start, tuple[Act, ...]())])
    while waiting:
        world, history = waiting.popleft()
        yield history
        for act in acts(world, rules):
            following = after(world, act, rules)
            if following not in seen:
                seen.add(following)
                waiting.append((following, (*history, act)))


def _history(came: Mapping[World, tuple[World, Act] | None], world: World) -> tuple[Act, ...]:
    found: list[Act] = []
    while (step := came[world]) is not None:
        world, act = step
        found.append(act)
    return tuple(reversed(found))
