"""Whether two decisions say the same. How many noughts end a sum depends on the way to it, no more."""

from decimal import Decimal, InvalidOperation

import msgspec

from agenttrader.model.decisions import Check, Decision


def outcome(decision: Decision) -> str:
    """What was decided, in a word: `approved`, `pending_approval`, or the code of what denied it."""
    return decision.denied_by or decision.verdict.value


def is_alike(recorded: Decision, made: Decision) -> bool:
    """Whether they come to the same, and by the same answer of every check."""
    return outcome(recorded) == outcome(made) and first_unlike(recorded, made) is None


def first_unlike(recorded: Decision, made: Decision) -> Check | None:
    """The first check of `made` that answers otherwise; None where none does."""
    if msgspec.json.encode(recorded.checks) == msgspec.json.encode(made.checks):
        return None
    for number, check in enumerate(made.checks):
        before = recorded.checks[number] if number < len(recorded.checks) else None
        if before is None or _values(before) != _values(check):
            return check
    missing = len(recorded.checks) > len(made.checks)
    return recorded.checks[len(made.checks)] if missing else None


def _values(check: Check) -> object:
    """What it answers, as a record holds it, and what reads as a number as one."""
    return _numbers(msgspec.json.decode(msgspec.json.encode(check)))


def _numbers(value: object) -> object:
    match value:
        case list():
            return list(map(_numbers, value))
        case str():
            try:
                return Decimal(value)
            except InvalidOperation:
                return value
        case _:
            return value
