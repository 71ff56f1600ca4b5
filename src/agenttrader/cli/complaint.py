"""What went wrong, told to whoever typed the command, where they can be told."""

import contextlib
import sys


def complain(fault: str) -> None:
    """A line to the error stream; nothing where that is full or closed: the exit code tells all the same."""
    with contextlib.suppress(OSError):
        print(f"agenttrader: {fault}", file=sys.stderr)
