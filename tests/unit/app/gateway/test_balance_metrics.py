from prometheus_client import CollectorRegistry, generate_latest

from agenttrader.app.gateway.balance_metrics import BalanceMetrics
from agenttrader.gateway.balance import Balance
from agenttrader.model.orders import Leg
from agenttrader.testing import builders as b


def test_orders_in_and_out_are_told_by_symbol_as_they_are_now() -> None:
    balance, registry = Balance(), CollectorRegistry()
    registry.register(BalanceMetrics(balance))
    assert b"{" not in generate_latest(registry)
    spread = b.proposal(2, legs=(Leg(b.ALFA), Leg(b.BRAVO, -1)))
    for asked in (b.proposal(1), spread):
        balance.take_in(b.decided(asked))
    balance.note(spread, spread.quantity)
    told = generate_latest(registry).decode().splitlines()
    assert [line for line in told if "{" in line] == [
        'agenttrader_orders_approved_total{symbol="ALFA"} 2.0',
        'agenttrader_orders_approved_total{symbol="BRAVO"} 1.0',
        'agenttrader_orders_sent_total{symbol="ALFA"} 1.0',
        'agenttrader_orders_sent_total{symbol="BRAVO"} 1.0',
    ]
