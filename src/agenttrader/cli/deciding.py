"""`agenttrader decide`: what the gateway would decide of each proposal; it can send nothing."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import exit_code_of
from agenttrader.cli.operating import Config
from agenttrader.cli.runs import configuration_of

if TYPE_CHECKING:
    from collections.abc import Mapping

StartAt = Annotated[
    str,
    typer.Option(
        "--start-at", metavar="WHERE", envvar="PROPOSALS_START_AT", help="beginning or end of the file."
    ),
]
PollSeconds = Annotated[
    str,
    typer.Option(
        "--poll-seconds",
        metavar="N",
        envvar="PROPOSALS_POLL_INTERVAL_S",
        help="How often the file is looked at.",
    ),
]


def decide(
    *,
    config: Config,
    proposals: Annotated[
        Path,
        typer.Option(
            "--proposals", metavar="FILE", envvar="PROPOSALS_PATH", help="Proposals, a line each; - is stdin."
        ),
    ],
    decisions: Annotated[
        Path,
        typer.Option(
            "--decisions", metavar="FOLDER", envvar="DECISIONS_BASE_DIR", help="Where decisions are kept."
        ),
    ] = Path("audit_artifacts/execution_decisions"),
    marks: Annotated[
        Path | None,
        typer.Option("--marks", metavar="FILE", envvar="MARKS_PATH", help="Prices and buying power."),
    ] = None,
    agent: Annotated[
        str,
        typer.Option("--agent", metavar="NAME", envvar="PROPOSALS_AGENT", help="Whose proposals they are."),
    ] = "",
    start_at: StartAt = "beginning",
    poll_seconds: PollSeconds = "0.25",
    once: Annotated[bool, typer.Option("--once", help="End at the end of the file.")] = False,
) -> None:
    """Decide proposals, a line of JSON each, and send nothing: APPROVE or REJECT, with every reason.

    It starts only where the environment says what it is (docs/deciding.md), and where no broker's credentials
    are in it. Exit code 0 at the end, 1 where a decision cannot be kept, 2 where it may not start.
    """
    import signal
    from threading import Event

    from agenttrader.app.deciding.perform import decide_all
    from agenttrader.app.deciding.setup import Asked
    from agenttrader.model.errors import AgentTraderError, ConfigurationError

    stopped = Event()

    def stop(number: int, _frame: object) -> None:
        _tell("signal_received", {"signal": signal.Signals(number).name})
        stopped.set()

    def say(line: bytes) -> None:
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            stopped.set()  # Whoever reads has gone; what was decided is on disk.

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    asked = Asked(
        proposals=proposals,
        decisions=decisions,
        marks=marks,
        agent=agent,
        start_at=start_at,
        poll_seconds=poll_seconds,
    )
    try:
        decide_all(configuration_of(config), asked, os.environ, _tell, say, stopped, follows=not once)
    except AgentTraderError as error:
        # Told once, as all else is here: whoever reads this stream reads JSON.
        is_refused = isinstance(error, ConfigurationError)
        _tell("startup_refused" if is_refused else "execution_agent_failed", {"fault": str(error)})
        raise typer.Exit(exit_code_of(error)) from None


def _tell(intent_type: str, fields: "Mapping[str, object]") -> None:
    """One line of JSON on stderr."""
    import msgspec

    line = msgspec.json.encode({"intent_type": intent_type, **fields}, enc_hook=str)
    print(line.decode(), file=sys.stderr, flush=True)
