"""What `kill` and `emergency-liquidate` do with their words: the phrase, the act, the report, the exit code.

Only what is needed until the fence stands is loaded first.
"""

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from agenttrader.app.kill.verbs import kill, rehearse
from agenttrader.app.kill.wish import EVERYTHING, Wish
from agenttrader.cli.complaint import complain
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.kill_words import LIQUIDATE, PHRASES, KillWords
from agenttrader.cli.runs import configuration_of

if TYPE_CHECKING:
    from agenttrader.app.kill.report import KillReport


def perform(words: KillWords) -> ExitCode:
    """Do what was typed, tell, and give the code that says what came of it.

    Raises ConfigurationError where what it needs of the configuration is not there; nothing was done then.
    """
    phrase = PHRASES[words.verb]
    if words.confirm != phrase:
        complain(f'--confirm: expected "{phrase}", found "{words.confirm}"; nothing was done')
        return ExitCode.USAGE
    file = configuration_of(words.config)
    if words.dry_run:
        would = rehearse(file, EVERYTHING)
        _tell({"would": list(would)}, would or ("nothing works and nothing is held",), words)
        return ExitCode.DONE
    report = kill(file, _wish_of(words), words.reason, words.seconds)
    _tell_report(report, words)
    if report.unreachable:
        return ExitCode.UNREACHABLE
    return ExitCode.DONE if report.is_done else ExitCode.FINDING


def _wish_of(words: KillWords) -> Wish:
    if words.verb == LIQUIDATE:
        return EVERYTHING
    return Wish(
        cancel_orders=words.cancel_orders,
        liquidate=words.liquidate,
        including_protective=words.including_protective,
    )


def _tell_report(report: "KillReport", words: KillWords) -> None:
    from agenttrader.cli.json_answers import builtins_of

    _tell({"done": report.is_done, **builtins_of(report)}, report.lines(), words)


def _tell(answer: dict[str, object], lines: Iterable[str], words: KillWords) -> None:
    """The answer, for a program or for a person. What was done was done, though nobody can be told."""
    from agenttrader.cli.json_answers import print_json

    with contextlib.suppress(OSError, UnicodeError):
        if words.as_json:
            print_json(answer)
        else:
            print("\n".join(lines))
