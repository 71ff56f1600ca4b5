"""A live account that is none: the rules of one, and an engine that leases LIVE without any evidence.

The product refuses such a window until readiness can judge what stands behind it. Nothing here is wired by
any role; what it stands in for is one sentence of the judgment, and all else is the product's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from msgspec import structs

from agenttrader.model.authority import Mode, Statement
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant
from agenttrader.runtime import statements
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import StatementGiven
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.statements import Authority


def unsafe_live(rules: Rules) -> Rules:
    """The same rules for an account with money in it: LIVE up to every ceiling."""
    return structs.replace(
        rules,
        authority=structs.replace(rules.authority, is_simulated=False, ceiling=Mode.LIVE),
        grants={name: structs.replace(grant, mode_ceiling=Mode.LIVE) for name, grant in rules.grants.items()},
    )


class UnsafeLiveEngine(Engine):
    """The product's engine, but that it asks for no evidence before a window."""

    def _statement(self, given: StatementGiven) -> None:
        with _unproved():
            super()._statement(given)


@contextmanager
def _unproved() -> Iterator[None]:
    """While a statement is judged, a lease is judged as that of a simulated account is."""
    judged = statements._lease  # noqa: SLF001 - what it stands in for

    def lease(statement: Statement, authority: Authority, calendar: Calendar, now: Instant) -> str:
        if statement.mode.rank > authority.ceiling.rank:
            return judged(statement, authority, calendar, now)
        paper = structs.replace(statement, mode=Mode.PAPER)
        return judged(paper, structs.replace(authority, is_simulated=True), calendar, now)

    with patch.object(statements, "_lease", lease):
        yield
