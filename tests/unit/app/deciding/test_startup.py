import pytest

from agenttrader.app.deciding.startup import CREDENTIALS, refusals_of

RUNBOOK = {
    "REPO_ID": "agent-trader-v2",
    "AGENT_NAME": "execution-agent",
    "AGENT_ROLE": "execution",
    "AGENT_MODE": "EXECUTE",
    "EXECUTION_AGENT_ENABLED": "true",
    "BROKER_EXECUTION_ENABLED": "false",
}
"""As the market-open runbook exports them."""


@pytest.mark.parametrize("mode", ("EXECUTE", "OBSERVE", "WARMUP"))
def test_the_runbooks_environment_may_start(mode: str) -> None:
    assert refusals_of(RUNBOOK | {"AGENT_MODE": mode}) == ()
    assert refusals_of(RUNBOOK | {"EXECUTION_ENABLED": "false", "TRADING_MODE": "paper"}) == ()


@pytest.mark.parametrize("name", RUNBOOK)
def test_each_variable_has_to_be_there(name: str) -> None:
    environment = {key: value for key, value in RUNBOOK.items() if key != name}
    (found,) = refusals_of(environment)
    assert (found.code, found.found) == (f"{name}_missing", "nothing")
    assert RUNBOOK[name] in found.expected


@pytest.mark.parametrize(
    ("name", "value", "code"),
    (
        ("REPO_ID", "agent-trader", "REPO_ID_mismatch"),
        ("AGENT_NAME", "", "AGENT_NAME_mismatch"),
        ("AGENT_ROLE", "Execution", "AGENT_ROLE_mismatch"),
        *(
            ("AGENT_MODE", word, "AGENT_MODE_mismatch")
            for word in ("DISABLED", "HALTED", "PAPER", "LIVE", "OFF", "execute", "")
        ),
        ("EXECUTION_AGENT_ENABLED", "1", "EXECUTION_AGENT_ENABLED_mismatch"),
        ("BROKER_EXECUTION_ENABLED", "true", "BROKER_EXECUTION_ENABLED_not_false"),
        ("EXECUTION_ENABLED", "true", "EXECUTION_ENABLED_not_false"),
        ("EXECUTION_ENABLED", "", "EXECUTION_ENABLED_not_false"),
        ("TRADING_MODE", "live", "TRADING_MODE_mismatch"),
        ("TRADING_MODE", "", "TRADING_MODE_mismatch"),
    ),
)
def test_no_other_word_will_do(name: str, value: str, code: str) -> None:
    (found,) = refusals_of(RUNBOOK | {name: value})
    assert (found.code, found.found) == (code, repr(value))


@pytest.mark.parametrize("name", (*CREDENTIALS, "OUR_BROKER_SECRET"))
def test_a_brokers_credentials_keep_it_from_starting(name: str) -> None:
    (found,) = refusals_of(RUNBOOK | {name: "secret"}, ["OUR_BROKER_SECRET"])
    assert found.sentence == f"{name}_present: expected no broker's credentials, found some"


def test_every_reason_is_told_at_once() -> None:
    assert {each.code for each in refusals_of({"TRADING_MODE": "live"})} == {
        *(f"{name}_missing" for name in RUNBOOK),
        "TRADING_MODE_mismatch",
    }
