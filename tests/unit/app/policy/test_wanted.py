"""The file of limits that are asked about: what it names stands in the place of what rules."""

from pathlib import Path

import pytest

from agenttrader.adapters.calendars import read_calendar
from agenttrader.app.config import Configuration
from agenttrader.app.gateway.rules import rules_of
from agenttrader.app.policy.wanted import Wanted, read_wanted
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.runtime.rule_values import values_of, with_values
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import AGENT, ALFA, calendar
from agenttrader.testing.recorded_run import configured


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return configured(tmp_path_factory.mktemp("run"))


def ruling(configuration: Configuration) -> Rules:
    return rules_of(configuration, calendar(), ())


def read(configuration: Configuration, text: str) -> Wanted:
    file = configuration.folder / "asked.toml"
    file.write_text(text)
    return read_wanted(file, configuration.folder / "run.toml", configuration, ruling(configuration))


def test_what_it_names_is_replaced_and_the_rest_stays_as_it_ruled(configuration: Configuration) -> None:
    wanted = read(
        configuration,
        f"""
        [limits.account]
        daily_orders_max = 7
        restricted = ["BRVO"]
        [limits.agent.{AGENT}]
        order_types = ["limit"]
        [limits.symbol.ALFA]
        order_quantity_max = "2.50"
        shorting_permitted = true
        """,
    )
    assert wanted.values == {
        "account.daily_orders_max": "7",
        "account.restricted": "BRVO",
        f"agent.{AGENT}.order_types": "limit",
        "symbol.ALFA.order_quantity_max": "2.5",
        "symbol.ALFA.shorting_permitted": "true",
    }
    assert wanted.configured.keys() == wanted.values.keys()
    assert wanted.configured["symbol.ALFA.order_quantity_max"] == "200"

    # What a person has tightened meanwhile rules on, where the file says nothing of it.
    configured_rules = ruling(configuration)
    ruled = with_values(configured_rules, {**values_of(configured_rules), "account.open_orders_max": "3"})
    asked = wanted.ask()(ruled)
    assert asked.limits.account.open_orders_max == 3
    assert asked.limits.account.daily_orders_max == 7
    assert asked.limits.account.restricted == {Symbol("BRVO")}
    assert asked.limits.symbol[ALFA].order_quantity_max * 2 == 5
    visitor, before = (each.limits.agent[AgentName("visitor")] for each in (asked, ruled))
    assert visitor == before


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("[limits.account]\ndaily_order_max = 7", "the nearest known key is daily_orders_max"),
        ("[limits.acount]\ndaily_orders_max = 7", "the nearest known key is account"),
        ("[limits.account]\ndaily_orders_max = 0.5", "found 0.5 as a float"),
        ('[limits.account]\ngross_exposure_max = "-1"', "expected 0 or more"),
        ("[limits.symbol.ALFO]\nshorting_permitted = true", "symbol.ALFO"),
        ('[limits.account]\nrestricted = ["NONE"]', "NONE"),
        ("[breakers]\nloss_streak_max = 1", "expected limits alone"),
        ("", "expected limits, such as"),
        ("[limits.account]", "expected limits, such as"),
        ("limits = 3", "expected limits, such as"),
        ("[limits", "expected TOML"),
    ),
)
def test_what_it_cannot_mean_is_refused_by_name(
    configuration: Configuration, text: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(configuration, text)
    assert expected in str(refused.value)
    assert "asked.toml" in str(refused.value)


def test_a_file_that_is_not_there_is_named(configuration: Configuration, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        read_wanted(
            tmp_path / "none.toml",
            configuration.folder / "run.toml",
            configuration,
            rules_of(configuration, read_calendar("XNYS", "2026-11-20", "2026-11-20"), ()),
        )
