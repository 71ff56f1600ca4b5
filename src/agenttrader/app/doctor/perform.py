"""Examine a run: gather the facts, judge each."""

from collections.abc import Iterator
from pathlib import Path

from agenttrader.app.config import load
from agenttrader.app.doctor.custody import judge_custody
from agenttrader.app.doctor.findings import Finding, failed, passed
from agenttrader.app.doctor.machine import judge_configuration, judge_machine
from agenttrader.app.doctor.wiring import custody_of, machine_of
from agenttrader.model.errors import ConfigurationError


def examine(file: Path, agent_user: str | None) -> Iterator[Finding]:
    """Every finding about the run whose configuration is `file`; one alone where that does not load."""
    expected = "to load: every key known, none missing"
    try:
        configuration = load(file)
    except ConfigurationError as error:
        yield failed("configuration", expected, str(error), "mend it: nothing else was looked at")
        return
    yield passed("configuration", expected, f"{file}, {configuration.digest[:16]}")
    yield from judge_configuration(configuration)
    yield from judge_custody(custody_of(configuration, file, agent_user))
    yield from judge_machine(machine_of(configuration))
