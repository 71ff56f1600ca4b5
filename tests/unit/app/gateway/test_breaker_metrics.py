"""The breakers as numbers: one for each state, read when they are asked for."""

from prometheus_client import generate_latest

from agenttrader.app.gateway.breaker_metrics import registry_of
from agenttrader.app.gateway.breaker_views import BreakerBody, BreakerState
from agenttrader.gateway.balance import Balance
from agenttrader.runtime.breakers import DRAWDOWN
from agenttrader.testing.tripping import WHOLE


def test_each_state_has_its_number_as_it_is_now() -> None:
    told = [BreakerState.ARMED]

    def read() -> list[BreakerBody]:
        return [BreakerBody(name=DRAWDOWN, scope=WHOLE, state=told[-1], counted="")]

    registry = registry_of(read, Balance())
    for number, state in enumerate(BreakerState):
        told.append(state)
        line = f'agenttrader_breaker_state{{breaker="drawdown",scope="account:SIM-1"}} {number}.0'
        assert line in generate_latest(registry).decode()
