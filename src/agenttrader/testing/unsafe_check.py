"""A check that always says yes, for one run of tests: `pytest -p agenttrader.testing.unsafe_check`.

With `--unsafe-check CODE` no order is denied by that code as long as the run lasts; what the check observes
stays as it is. A run whose tests pass with it does not hold the check.
"""

from collections.abc import Callable
from functools import wraps

import pytest
from msgspec import structs

from agenttrader.gateway.checks.case import Case, CheckFunction
from agenttrader.gateway.checks.catalog import CHECKS, CHECKS_FOR, RULES_FOR
from agenttrader.model.decisions import Check
from agenttrader.model.errors import BadValue

OPTION = "--unsafe-check"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Read the code."""
    parser.addoption(OPTION, metavar="CODE", help="the check that says yes")


def pytest_configure(config: pytest.Config) -> None:
    """Let the check say yes, before a test is read. Raises BadValue where there is no such check."""
    code = config.getoption(OPTION)
    if code is not None:
        say_yes(str(code))


def say_yes(code: str) -> Callable[[], None]:
    """Let the check of this code pass whatever it finds, until what is returned is called.

    The rules are changed where they lie, because others have them by name. Raises BadValue for no such code.
    """
    found = [rule for rule in CHECKS if rule.code == code]
    if not found:
        codes = ", ".join(rule.code for rule in CHECKS)
        raise BadValue(f"{OPTION}: expected one of {codes}, found {code!r}")
    (rule,) = found
    honest = rule.check

    @wraps(honest)
    def yes(case: Case) -> Check:
        return structs.replace(honest(case), passed=True)

    def put(check: CheckFunction) -> None:
        structs.force_setattr(rule, "check", check)
        for kind, rules in RULES_FOR.items():
            CHECKS_FOR[kind] = tuple(each.check for each in rules)

    put(yes)
    return lambda: put(honest)
