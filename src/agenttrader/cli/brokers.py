"""`agenttrader brokers`: whether a broker does what the gateway relies on, tried at one's own account."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import AsJson, Config
from agenttrader.cli.runs import configuration_of
from agenttrader.model.errors import BadValue

if TYPE_CHECKING:
    from pathlib import Path

    from agenttrader.app.conformance import Report

brokers = typer.Typer(help="Examine a broker's account.", rich_markup_mode=None, no_args_is_help=True)


class Against(StrEnum):
    """What may be examined: orders are sent, so nothing but paper."""

    PAPER = "paper"


@brokers.callback()
def _group() -> None:
    """Hold the verbs together, where there is only one."""


@brokers.command()
def conformance(
    *,
    config: Config,
    against: Annotated[Against, typer.Option("--against", help="Only a paper account is sent orders.")],
    symbol: Annotated[
        str | None,
        typer.Option(
            "--symbol",
            metavar="SYMBOL",
            help="A listed share that costs far more than 2.00; the first, unless named.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send the orders; without it they are only told.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try a paper account: seven orders to buy one share at 1.00 or 2.00, each canceled, and a report.

    The report lies where [conformance] says.

    The gateway must not run, and the wired switches must be at 0. 0 where all passed and the account is as it
    was, 1 where not, 5 where the broker did not answer.
    """
    import asyncio
    import os

    from agenttrader.app.brokers.perform import examine, read_paper, symbol_of

    assert against is Against.PAPER, "there is nothing else to choose"
    configuration = read_paper(configuration_of(config), os.environ)
    chosen = symbol_of(configuration, symbol)
    if not yes:
        raise BadValue(
            f"--yes: expected your word that orders to buy one {chosen} at 1.00 or 2.00 may be sent to "
            f"account {configuration.account.name} at {configuration.broker.address}, found none; nothing "
            "was sent"
        )
    report, folder = asyncio.run(examine(configuration, chosen, os.environ))
    if as_json:
        print_json(builtins_of(report) | {"folder": str(folder)})
    else:
        _show(report, folder)
    raise typer.Exit(ExitCode.DONE if report.passed else ExitCode.FINDING)


def _show(report: "Report", folder: "Path") -> None:
    for finding in report.sitting.findings:
        print(f"{finding.standing.value:<9} {finding.case}: {finding.found}")
    for sentence in report.sitting.left:
        print(f"left      {sentence}")
    print(f"{'passed' if report.passed else 'failed':<9} account {report.account}: {folder}/report.md")
