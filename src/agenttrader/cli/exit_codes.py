"""What the program's exit code tells a script."""

from enum import IntEnum

from agenttrader.model.errors import AgentTraderError, BadValue, ConfigurationError, Unreachable


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


def exit_code_of(error: AgentTraderError) -> ExitCode:
    """What an error that ended a verb tells a script."""
    match error:
        case ConfigurationError() | BadValue():
            return ExitCode.USAGE
        case Unreachable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FINDING
