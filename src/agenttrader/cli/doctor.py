"""`agenttrader doctor`: whether a run stands safely on its machine, one line for each thing looked at."""

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.operating import AsJson, Config
from agenttrader.cli.runs import configuration_of

if TYPE_CHECKING:
    from agenttrader.app.doctor.findings import Finding


def doctor(
    *,
    config: Config,
    agent_user: Annotated[
        str | None,
        typer.Option(
            "--agent-user", metavar="NAME", help="The user of this machine as which the agent runs."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who can read or change what a run lives by, and what its machine lacks. It changes nothing.

    As root it also tries, as the agent's user. 0 where all passes, 1 where anything does not.
    """
    from agenttrader.app.doctor.findings import Standing
    from agenttrader.app.doctor.perform import examine
    from agenttrader.cli.json_answers import builtins_of, print_json

    findings = tuple(examine(configuration_of(config), agent_user))
    if as_json:
        print_json({"findings": [builtins_of(finding) for finding in findings]})
    else:
        for finding in findings:
            print(line_of(finding))
    is_well = all(finding.standing is Standing.PASS for finding in findings)
    raise typer.Exit(ExitCode.DONE if is_well else ExitCode.FINDING)


def line_of(finding: "Finding") -> str:
    """One line for a person."""
    advice = f"; {finding.advice}" if finding.advice else ""
    said = f"{finding.standing.value}  {finding.subject}: expected {finding.expected}, found {finding.found}"
    return " ".join(f"{said}{advice}".split())
