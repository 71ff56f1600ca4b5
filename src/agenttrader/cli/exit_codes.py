"""What the program's exit code tells a script."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a verb ended. A script may go on only after 0."""

    DONE = 0
    """Done, or GO."""

    FINDING = 1
    """Something is wrong that a person must look at: a break, a failed validation, tampering."""

    USAGE = 2
    """The words or the configuration are wrong; nothing was started."""

    NO_GO = 3
    """Readiness does not permit trading."""

    HALTED = 4
    """Trading is halted, so the verb could not do what it was asked."""

    UNREACHABLE = 5
    """The broker, the data or another of our processes gave no usable answer."""
