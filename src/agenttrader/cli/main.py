"""The entry point: `agenttrader VERB …`.

Nothing here is loaded but what every verb needs. A kill whose words are understood at once is done at once:
the command line's library, which takes longer to load than the fence to stand, is not waited for. All other
words go to `cli.program`.
"""

import contextlib
import os
import sys

from agenttrader.cli.complaint import complain
from agenttrader.cli.exit_codes import exit_code_of
from agenttrader.cli.kill_words import PHRASES, KillWords, understood
from agenttrader.model.errors import AgentTraderError

INTERRUPTED = 130
"""How shells count Ctrl-C."""

PRIORITY = -20
"""The highest that there is. A kill works for some milliseconds, and others may be many."""


def main() -> None:
    """Run the verb that the command line names, and end the process with the verb's exit code."""
    try:
        words = understood(sys.argv[1:], os.environ)
        if words is None:
            _run_program()
        else:
            sys.exit(_kill(words))
    except AgentTraderError as error:
        complain(str(error))
        sys.exit(exit_code_of(error))
    finally:
        _finish_output()


def _run_program() -> None:
    from agenttrader.cli.program import app

    app(prog_name="agenttrader")


def _kill(words: KillWords) -> int:
    try:
        _go_first()
        from agenttrader.cli.killing import perform

        return perform(words)
    except KeyboardInterrupt:
        complain("interrupted: what halts may stand; call again until it is done")
        return INTERRUPTED


def _go_first() -> None:
    """Take the processor before everybody else, where the machine permits it: root's may."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


def _finish_output() -> None:
    """Write what is still held back. Where the reader has gone, as `head` does, the rest is for nobody.

    Of a kill the code tells what was done, whatever became of the words; of other verbs the words are the
    work, and no room for them is an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # It was closed before we began.
            continue
        try:
            stream.flush()
        except OSError as error:
            # The interpreter flushes once more at its end, and would complain, or end with a code of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if not isinstance(error, BrokenPipeError) and not PHRASES.keys() & set(sys.argv[1:2]):
                raise
