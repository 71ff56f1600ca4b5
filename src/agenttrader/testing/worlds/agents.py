"""The agents of a world: one proposes in our own words, the other is a bot that speaks Alpaca's.

Both retry blindly, and whatever they are answered, they go on. What they ask for runs in the gateway's
process and ends with it.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec

from agenttrader.model.errors import AgentTraderError
from agenttrader.model.identifiers import AgentName, OrderId, Symbol, derive_order_id
from agenttrader.model.orders import Changes
from agenttrader.model.times import Instant, rfc3339
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import NewOrder, StopLoss, TakeProfit
from agenttrader.testing.builders import AGENT, STRATEGY
from agenttrader.testing.worlds.faults import Acts
from agenttrader.testing.worlds.gateway import Gateway
from agenttrader.testing.worlds.stage import LIMITS

_CENT = Decimal("0.01")
_FLOOD = 8
"""How many orders come at once when an agent runs wild."""

Ask = Callable[[Gateway], Awaitable[object]]


class Agents:
    """Both agents. `prices` are the market's last, `tell` takes what became of each request."""

    def __init__(self, prices: dict[str, Decimal], tell: Callable[[str], None]) -> None:
        self._prices, self._tell = prices, tell
        self._last: dict[str, Ask] = {}
        """What each asked for last, to be asked again word for word."""

    def act(self, gateway: Gateway, acts: Acts) -> None:
        """Begin to do one thing."""
        match acts.what:
            case "enter":
                self._again(gateway, acts, self._entry(acts, acts.quantity, str(acts.at_seconds)), 1)
            case "retry":
                ask = self._last.get(acts.agent) or self._entry(acts, acts.quantity, str(acts.at_seconds))
                self._again(gateway, acts, ask, 1 + acts.pick % 4)
            case "flood":
                for number in range(_FLOOD):
                    self._begin(gateway, acts, self._entry(acts, 20, f"{acts.at_seconds}-{number}"))
            case "leave" | "close":
                self._begin(gateway, acts, self._exit(acts))
            case "cancel" | "replace":
                self._begin(gateway, acts, self._change(acts))

    def _again(self, gateway: Gateway, acts: Acts, ask: Ask, times: int) -> None:
        self._last[acts.agent] = ask
        for _ in range(times):
            self._begin(gateway, acts, ask)

    def _begin(self, gateway: Gateway, acts: Acts, ask: Ask) -> None:
        async def work() -> None:
            try:
                await ask(gateway)
            except AgentTraderError as error:
                self._tell(f"{acts.agent}: {acts.what} {acts.symbol}: {error}")

        gateway.process.spawn(work())

    def _entry(self, acts: Acts, percent: int, name: str) -> Ask:
        price = self._prices[acts.symbol]
        most = LIMITS.symbol[Symbol(acts.symbol)].order_quantity_max
        quantity = max(Decimal(1), (most * percent / 100).quantize(Decimal(1)))
        near = _near(price, acts.offset)
        losing, winning = (_near(near, -30), _near(near, 40))[:: 1 if acts.buys else -1]
        side = "buy" if acts.buys else "sell"
        limit = near if acts.kind == "limit" else None
        stop = near if acts.kind == "stop" else None
        if acts.agent == AGENT:
            fields = self._fields(acts, side, quantity, name) | {
                "type": acts.kind,
                "limit_price": limit,
                "stop_price": stop,
                "effect": "open",
                "exit_plan": {"stop": losing, "target": winning},
            }
            return lambda gateway: self._propose(gateway, acts, fields)
        order = NewOrder(
            symbol=acts.symbol,
            side=side,
            qty=quantity,
            type=acts.kind,
            time_in_force="day",
            limit_price=limit,
            stop_price=stop,
            client_order_id=None if acts.pick % 3 == 0 else f"bot-{name}",
            order_class="bracket",
            stop_loss=StopLoss(stop_price=losing),
            take_profit=TakeProfit(limit_price=winning),
        )
        return lambda gateway: gateway.alpaca.submit(AgentName(acts.agent), order)

    def _exit(self, acts: Acts) -> Ask:
        async def ask(gateway: Gateway) -> object:
            held = gateway.session.engine.state.book.position(Symbol(acts.symbol))
            whole = abs(held) or Decimal(5)
            quantity = whole if acts.what == "close" else max(whole // 2, Decimal(1))
            side = "sell" if held >= 0 else "buy"
            if acts.agent == AGENT:
                fields = self._fields(acts, side, quantity, str(acts.at_seconds)) | {
                    "type": "market",
                    "effect": "close" if acts.what == "close" else "reduce",
                }
                return await self._propose(gateway, acts, fields)
            order = NewOrder(symbol=acts.symbol, side=side, qty=quantity, type="market", time_in_force="day")
            return await gateway.alpaca.submit(AgentName(acts.agent), order)

        return ask

    def _change(self, acts: Acts) -> Ask:
        async def ask(gateway: Gateway) -> object:
            agent = AgentName(acts.agent)
            mine = [
                order
                for order in gateway.session.engine.state.book.orders.open_orders()
                if order.agent == agent
            ]
            if not mine:
                return None
            order = mine[acts.pick % len(mine)]
            if acts.what == "cancel":
                return await gateway.desk.cancel(order.id, agent, agent, "a change of mind")
            return await gateway.desk.replace(
                order.id,
                _changes(order, acts),
                agent,
                replacement=OrderId(f"replacement-{acts.at_seconds}"),
                reason="another price",
            )

        return ask

    def _fields(self, acts: Acts, side: str, quantity: Decimal, name: str) -> dict[str, Any]:
        return {
            "proposal_id": derive_order_id("world", name, acts.pick),
            "strategy": STRATEGY,
            "legs": [{"symbol": acts.symbol}],
            "side": side,
            "quantity": quantity,
            "time_in_force": "day",
            "reason": "it came to mind",
            "decision_price": self._prices[acts.symbol],
            "correlation_id": f"world-{name}",
        }

    async def _propose(self, gateway: Gateway, acts: Acts, fields: dict[str, Any]) -> object:
        time = fields.setdefault("decision_time", rfc3339(gateway.session.now or Instant(0)))
        assert time, "an agent that proposes has heard the time"
        return await gateway.desk.propose(msgspec.json.encode(fields), AgentName(acts.agent))


def _near(price: Decimal, thousandths: int) -> Decimal:
    return max(_CENT, (price * (1_000 + thousandths) / 1_000).quantize(_CENT))


def _changes(order: Order, acts: Acts) -> Changes:
    """Of an order with a price another price, of any other another quantity."""
    if order.limit_price is not None:
        return Changes(limit_price=_near(order.limit_price, acts.offset or 3))
    if order.stop_price is not None:
        return Changes(stop_price=_near(order.stop_price, acts.offset or 3))
    return Changes(quantity=order.quantity + 1)
