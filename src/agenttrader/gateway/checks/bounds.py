"""What is observed against what is permitted: a number that is not known, or no number, has not passed."""

from decimal import Decimal

from agenttrader.model.decisions import Check


def with_more(code: str, count: int | None, more: int, permitted: int | None) -> Check:
    """That so many and `more` are permitted."""
    if count is None or permitted is None:
        return Check(code, None if count is None else count + more, permitted, passed=False)
    return Check(code, count + more, permitted, count + more <= permitted)


def at_most(code: str, observed: Decimal | None, permitted: Decimal | None) -> Check:
    """That no more is observed than is permitted."""
    if observed is None or permitted is None:
        return Check(code, observed, permitted, passed=False)
    return Check(code, observed, permitted, observed.is_finite() and observed <= permitted)


def sum_at_most(
    code: str, carried: Decimal | None, added: Decimal | None, permitted: Decimal | None
) -> Check:
    """That what is carried and what is added are permitted together."""
    if carried is None or added is None:
        return Check(code, None, permitted, passed=False)
    observed = carried + added
    if permitted is None:
        return Check(code, observed, None, passed=False)
    return Check(code, observed, permitted, observed.is_finite() and observed <= permitted)
