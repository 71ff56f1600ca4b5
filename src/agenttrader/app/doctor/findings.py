"""What the doctor says: one finding for each thing that was looked at."""

from enum import StrEnum

from msgspec import Struct


class Standing(StrEnum):
    """How a thing stands. Only PASS is well; what could not be learned is FAIL."""

    PASS = "PASS"  # noqa: S105  a word
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at: what was expected of it, what was found, and what to do."""

    standing: Standing
    subject: str
    expected: str
    found: str
    advice: str = ""
    """Empty where nothing is to be done."""


def passed(subject: str, expected: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(standing=Standing.PASS, subject=subject, expected=expected, found=found)


def warned(subject: str, expected: str, found: str, advice: str) -> Finding:
    """It works so, and a person should know what it costs."""
    return Finding(standing=Standing.WARN, subject=subject, expected=expected, found=found, advice=advice)


def failed(subject: str, expected: str, found: str, advice: str) -> Finding:
    """It is not as it must be, or nobody can tell."""
    return Finding(standing=Standing.FAIL, subject=subject, expected=expected, found=found, advice=advice)


def judged(subject: str, expected: str, found: str, advice: str, *, holds: bool) -> Finding:
    """PASS where it holds, else FAIL."""
    return passed(subject, expected, found) if holds else failed(subject, expected, found, advice)
