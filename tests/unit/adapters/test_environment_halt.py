import pytest

from agenttrader.adapters.environment_halt import EnvironmentHalt
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import StoreError
from agenttrader.ports.halt_switch import HaltSwitch


@pytest.mark.parametrize(
    ("value", "state", "reason"),
    (
        ("0", TradingState.ACTIVE, "EXECUTION_HALTED was 0 at the start"),
        ("1", TradingState.HALTED, "EXECUTION_HALTED was 1 at the start"),
        (None, TradingState.HALTED, "expected 0 or 1 in EXECUTION_HALTED at the start, found none"),
        ("", TradingState.HALTED, "expected 0 or 1 in EXECUTION_HALTED at the start, found ''"),
        ("0\n", TradingState.HALTED, "expected 0 or 1 in EXECUTION_HALTED at the start, found '0\\n'"),
        ("false", TradingState.HALTED, "expected 0 or 1 in EXECUTION_HALTED at the start, found 'false'"),
    ),
)
def test_only_0_is_active(value: str | None, state: TradingState, reason: str) -> None:
    switch: HaltSwitch = EnvironmentHalt(value)
    reading = switch.read()
    assert (switch.name, reading.name, reading.state, reading.reason) == (
        "environment",
        "environment",
        state,
        reason,
    )


def test_it_moves_only_with_the_next_start() -> None:
    EnvironmentHalt("0").move(halted=False, reason="open")
    EnvironmentHalt("1").move(halted=True, reason="close")
    EnvironmentHalt(None).move(halted=True, reason="close")
    for value, halted in (("0", True), ("1", False), (None, False), ("no", False)):
        wanted = "1" if halted else "0"
        with pytest.raises(
            StoreError, match=rf"set it to {wanted} \(drill\).*again with EXECUTION_HALTED={wanted}"
        ):
            EnvironmentHalt(value).move(halted=halted, reason="drill")
