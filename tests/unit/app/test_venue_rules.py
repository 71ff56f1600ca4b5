"""The venue's rules in a configuration: absent means plain, and what is written down is read strictly."""

import itertools
import re
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.template import recast
from agenttrader.model.errors import ConfigurationError

RULES = """
[venue.rules]
multiplier = 2
day_trade_rule = true
settled_cash = false
wash_trade_rule = false
volume_percent = 10
pending_seconds = "none"
late_fees = false
done_for_day = true
requests_per_minute_max = 200
cat_rate = "0.0000265"
crypto_maker_rate = "0.0015"
crypto_taker_rate = "0.0025"
margin_rate = "0.0675"
easy_borrow_rate = "0"
hard_borrow_rate = "0.15"
"""


def loaded(folder: Path, rules: str) -> Configuration:
    numbers = itertools.count(1)
    template = recast(demo_template(), names={}, tables={"venue.rules": ""})
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', template)
    path = folder / "demo.toml"
    path.write_text(text + rules)
    return load(path, environment={})


def test_a_venue_without_the_table_has_no_rules(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").venue.rules is None


def test_rules_are_read_as_they_stand(tmp_path: Path) -> None:
    rules = loaded(tmp_path, RULES).venue.rules
    assert rules is not None
    assert (rules.multiplier, rules.volume_percent, rules.pending_seconds) == (2, 10, "none")
    assert (rules.requests_per_minute_max, rules.hard_borrow_rate) == (200, Decimal("0.15"))


@pytest.mark.parametrize(
    ("found", "instead", "message"),
    (
        ("multiplier = 2", "multiplier = 3", "[venue.rules] multiplier: expected one of 1, 2, 4"),
        (
            "volume_percent = 10",
            "volume_percent = 0",
            "volume_percent: expected a whole number from 1 to 100",
        ),
        ("volume_percent = 10", 'volume_percent = "all"', "[venue.rules] volume_percent: expected"),
        (
            'hard_borrow_rate = "0.15"',
            'hard_borrow_rate = "15"',
            "hard_borrow_rate: expected a rate from 0 to 1",
        ),
        ("late_fees = false", "", "[venue.rules] late_fees: this key is missing"),
        ("late_fees = false", "late_fee = false", "[venue.rules] late_fee: this key is not known"),
    ),
)
def test_a_rule_that_cannot_be_is_refused(tmp_path: Path, found: str, instead: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, RULES.replace(found, instead))
    assert message in str(refused.value)
