"""The faults of a configuration: absent means none, and what is written down is read strictly."""

import itertools
import re
from pathlib import Path

import pytest

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.fault_kinds import ErrorAnswer, FaultPlan, LostMessage, When
from agenttrader.model.errors import ConfigurationError

TOKEN_SHA256 = "ab" * 32
FAULTS = f"""
[venue.faults]
listen = "127.0.0.1:0"
token_sha256 = "{TOKEN_SHA256}"
seed = 7

[[venue.faults.planned]]
fault = "error_answer"
only = ["POST /v2/orders"]
per_mille = 20
times = "always"
when = "after"
status = 504

[[venue.faults.planned]]
fault = "lost_message"
only = ["fill"]
per_mille = 1000
times = 2
"""


def loaded(folder: Path, faults: str) -> Configuration:
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    path = folder / "demo.toml"
    path.write_text(text + faults)
    return load(path, environment={})


def test_a_venue_without_the_table_has_no_faults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").venue.faults is None


def test_what_is_planned_is_read_as_it_stands(tmp_path: Path) -> None:
    assert loaded(tmp_path, FAULTS).venue.faults == FaultPlan(
        listen="127.0.0.1:0",
        token_sha256=TOKEN_SHA256,
        seed=7,
        planned=(
            ErrorAnswer(only=("POST /v2/orders",), per_mille=20, times="always", when=When.AFTER, status=504),
            LostMessage(only=("fill",), per_mille=1_000, times=2),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    (
        ("seed = 7", "", "[venue.faults] seed: this key is missing"),
        (TOKEN_SHA256, "abc", "[venue.faults] token_sha256: expected 64 hexadecimal digits"),
        (
            'fault = "lost_message"',
            'fault = "lost"',
            "[venue.faults.planned.1] fault: expected one of latency",
        ),
        ("per_mille = 20", "per_mile = 20", "[venue.faults.planned.0] per_mile: this key is not known"),
        (
            "per_mille = 20",
            "per_mille = 0",
            "[venue.faults.planned.0] per_mille: expected 1 to 1000, found 0",
        ),
        ("per_mille = 20", "per_mille = 0.5", "[venue.faults.planned.0] per_mille: expected a whole number"),
        (
            "status = 504",
            "status = 503",
            "[venue.faults.planned.0] status: expected one of 401, 429, 500, 504",
        ),
        ("status = 504", "", "[venue.faults.planned.0] status: this key is missing"),
        ("times = 2", 'times = "often"', "[venue.faults.planned.1] times: expected a whole number or always"),
    ),
)
def test_what_could_not_be_meant_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in FAULTS
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, FAULTS.replace(old, new, 1))
    assert expected in str(refused.value)


def test_faults_that_are_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="planned: expected a list of tables"):
        loaded(tmp_path, FAULTS.partition("[[")[0] + "planned = 3\n")
