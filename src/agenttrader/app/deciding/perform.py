"""Decide every proposal that comes, until there are no more or somebody says to stop."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event

from agenttrader.app.config import load
from agenttrader.app.deciding.answers import Tell
from agenttrader.app.deciding.lines import Line
from agenttrader.app.deciding.setup import Asked, Wish, understood
from agenttrader.app.deciding.source import lines_of_file, lines_of_pipe
from agenttrader.app.deciding.wiring import wire_answers

STDIN = 0


def decide_all(
    path: Path,
    asked: Asked,
    environment: Mapping[str, str],
    tell: Tell,
    say: Callable[[bytes], None],
    stopped: Event,
    *,
    follows: bool,
) -> None:
    """Say the decision on each line that comes, by the configuration at `path`.

    Raises ConfigurationError where it may not start, StoreError where a decision cannot be kept.
    """
    configuration = load(path, environment)
    wish = understood(asked, configuration, environment)
    answers, log = wire_answers(configuration, wish, environment, tell)
    try:
        tell("execution_agent_started", {"mode": wish.mode, "agent": wish.agent, "decisions": log.folder})

        def attend() -> None:
            for decision in answers.attend():
                say(decision)

        attend()
        for line in _lines(wish, stopped, attend, follows=follows):
            attend()
            found = answers.answer(line)
            if found is not None:
                say(found)
            if stopped.is_set():
                break
    finally:
        log.close()


def _lines(wish: Wish, stopped: Event, attend: Callable[[], None], *, follows: bool) -> Iterator[Line]:
    """The lines as they come; while none does, what waits for a person is attended to."""
    seconds = wish.poll_ms / 1000

    def goes_on() -> bool:
        attend()
        return not (stopped.is_set() if wish.is_pipe else stopped.wait(seconds))

    if wish.is_pipe:
        return lines_of_pipe(STDIN, goes_on, seconds)
    return lines_of_file(wish.proposals, goes_on, at_end=wish.at_end, follows=follows)
