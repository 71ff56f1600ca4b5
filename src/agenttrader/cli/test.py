"""`agenttrader test`: everything that must hold before a change is taken, in one command.

The quick checks run first. What they say goes to `var/test/checks.log`, and to stderr when they fail.
Pytest's own output goes to stdout and `var/test/pytest.log`, its results to `var/test/junit.xml`.
With `--limits` it is tried instead whether the tests hold every check of the gateway.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import agenttrader
from agenttrader.cli.exit_codes import ExitCode

ROOT = Path(agenttrader.__file__).parents[2]
TOOLS = Path(sys.executable).parent

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("lint-imports",),
    ("mypy",),
)

ALL_TESTS = ("--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal")
"""What runs when nothing is asked for: everything, on every core, each free one taking from the busiest."""


def check(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Words for pytest; with any, only pytest runs.")
    ] = None,
    *,
    limits: Annotated[
        bool, typer.Option("--limits", help="Let each of the gateway's checks say yes: a test must fail.")
    ] = False,
) -> None:
    """Check everything: lint, import contracts, types, tests."""
    if not (TOOLS / "pytest").exists() or not (ROOT / "tests").is_dir():
        typer.echo(
            "agenttrader: expected a checkout with its tools; start `./agenttrader test` in one", err=True
        )
        raise typer.Exit(ExitCode.USAGE)
    if limits:
        raise typer.Exit(ExitCode.DONE if limits_are_held(arguments or ()) else ExitCode.FINDING)
    output = ROOT / "var" / "test"
    output.mkdir(parents=True, exist_ok=True)
    failed = [] if arguments else run_checks(output / "checks.log")
    if not run_tests(arguments or [], output):
        failed.append("pytest")
    if failed:
        typer.echo(f"agenttrader test: failed: {', '.join(failed)} (see {output})", err=True)
        raise typer.Exit(ExitCode.FINDING)


def limits_are_held(tests: Sequence[str]) -> bool:
    """Let each check say yes in turn, and tell which test caught it; return whether every one was caught.

    `tests` are asked instead of those that are about limits. They must pass while no check is changed.
    """
    from agenttrader.cli.mutation import LIMIT_TESTS, fate_of, fates
    from agenttrader.gateway.checks.catalog import CHECKS

    asked = tests or LIMIT_TESTS
    unchanged = fate_of("", asked, ROOT)
    if unchanged.caught_by or unchanged.trouble:
        why = unchanged.caught_by or unchanged.trouble
        typer.echo(f"agenttrader test: the tests fail while every check is as it is: {why}", err=True)
        return False
    missed = []
    for fate in fates([rule.code for rule in CHECKS], asked, ROOT):
        typer.echo(fate)
        if not fate.caught_by:
            missed.append(fate.code)
    typer.echo(f"{len(CHECKS) - len(missed)} of {len(CHECKS)} checks are held by a test")
    if missed:
        typer.echo(f"agenttrader test: not held: {', '.join(missed)}", err=True)
    return not missed


def run_checks(log_path: Path) -> list[str]:
    """Run every check, all of them even when one fails, and return the names of those that failed."""
    failed = []
    with log_path.open("w") as log:
        for tool, *words in CHECKS:
            name = " ".join([tool, *words])
            began = time.monotonic()
            result = subprocess.run(
                [TOOLS / tool, *words], cwd=ROOT, capture_output=True, text=True, check=False
            )
            said = result.stdout + result.stderr
            log.write(f"$ {name}\n{said}\n")
            verdict = "failed" if result.returncode else "ok"
            typer.echo(f"{name:<24} {verdict:<7} {time.monotonic() - began:5.1f} s", err=True)
            if result.returncode:
                typer.echo(said, err=True)
                failed.append(name)
    return failed


def run_tests(arguments: Sequence[str], output: Path) -> bool:
    """Run pytest, its output to our stdout and to a file as it comes; return whether every test passed."""
    words = arguments or ALL_TESTS
    command = [str(TOOLS / "pytest"), f"--junit-xml={output / 'junit.xml'}", *words]
    with (
        (output / "pytest.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        ) as process,
    ):
        assert process.stdout is not None
        while chunk := process.stdout.read(65536):
            log.write(chunk)
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
    return process.returncode == 0
