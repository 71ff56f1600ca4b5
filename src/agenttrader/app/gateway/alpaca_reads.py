"""What a client that speaks Alpaca's trading protocol may ask to be told, one method each.

It sees its own orders and fills, and what is held in its own symbols. Nothing here changes anything.
"""

from collections.abc import Iterator, Mapping

from agenttrader.app.gateway.alpaca_account import account_answer, clock_answer, is_blocked
from agenttrader.app.gateway.alpaca_activities import activities_answer
from agenttrader.app.gateway.alpaca_answers import (
    created,
    find_order,
    is_shown,
    moment_of,
    order_answer,
    position_answer,
)
from agenttrader.app.gateway.alpaca_market import (
    asset_answer,
    assets_answer,
    calendar_answer,
    configurations_answer,
    symbols_of,
)
from agenttrader.app.gateway.alpaca_names import ClientIds, named
from agenttrader.app.gateway.alpaca_questions import (
    ActivitiesAsked,
    AssetsAsked,
    CalendarAsked,
    ClientOrderAsked,
    Nothing,
    OrderAsked,
    OrdersAsked,
    Pairs,
    read,
    time_of,
)
from agenttrader.app.gateway.alpaca_refusals import not_found
from agenttrader.app.gateway.alpaca_symbols import all_meant, meant
from agenttrader.app.sections import Agent
from agenttrader.model.errors import NotReady
from agenttrader.model.identifiers import AgentName, Symbol, derive_proposed_id
from agenttrader.model.instruments import Spread
from agenttrader.model.orders import TERMINAL
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_account import Configurations
from agenttrader.protocols.alpaca_market import Asset, CalendarDay
from agenttrader.protocols.alpaca_trading import Account, Activity, Clock, Position
from agenttrader.protocols.alpaca_trading import Order as OrderAnswer
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.session import Session


class AlpacaReads:
    """The questions to one running gateway, each answered for the agent that asks."""

    def __init__(self, session: Session, agents: Mapping[AgentName, Agent]) -> None:
        self._session = session
        self._agents = agents
        self._client_ids = ClientIds()

    @property
    def engine(self) -> Engine:
        """The engine as it is now; a failed write replaces it."""
        return self._session.engine

    def now(self) -> Instant:
        """The market's time. Raises NotReady before it is known."""
        now = self._session.now
        if now is None:
            raise NotReady(
                "the gateway is starting: it has not heard the market's time yet; try again in a moment"
            )
        # After a restart the market data tell the day again, and what is on record was later.
        return max(now, self.engine.state.last_time)

    # The account and the market.

    def account(self, agent: AgentName, pairs: Pairs) -> Account:
        """The account's numbers. Raises NotReady before the broker has stated them."""
        read(pairs, Nothing)
        if not self.engine.state.book.is_open:
            raise NotReady("the account at the broker is not known yet; try again in a moment")
        return account_answer(self.engine, agent)

    def configurations(self, agent: AgentName, pairs: Pairs) -> Configurations:
        """How the account may be used by the agent."""
        read(pairs, Nothing)
        blocked = is_blocked(self.engine, agent)
        return configurations_answer(self.engine.rules, agent, is_blocked=blocked)

    def clock(self, pairs: Pairs) -> Clock:
        """The market's clock. Raises NotReady before the market's time is known."""
        read(pairs, Nothing)
        return clock_answer(self.engine.rules.calendar, self.now())

    def calendar(self, pairs: Pairs) -> list[CalendarDay]:
        """The trading days that are asked for. Raises BadValue where the calendar does not know them."""
        return calendar_answer(self.engine.rules.calendar, read(pairs, CalendarAsked))

    def assets(self, agent: AgentName, pairs: Pairs) -> list[Asset]:
        """What the agent may trade."""
        return assets_answer(self.engine.rules, agent, read(pairs, AssetsAsked))

    def asset(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> Asset:
        """One of the agent's assets. Raises Refused where it has none of that name."""
        read(pairs, Nothing)
        rules = self.engine.rules
        symbol = meant(symbol_or_asset_id, symbols_of(rules, agent))
        instrument = None if symbol is None else rules.instruments.get(symbol)
        if symbol is None or instrument is None or isinstance(instrument, Spread):
            raise not_found(f"asset not found for {symbol_or_asset_id}")
        return asset_answer(rules, symbol, instrument)

    def activities(self, agent: AgentName, pairs: Pairs) -> list[Activity]:
        """A page of the agent's fills. Raises Unsupported for other activities."""
        account = self.engine.rules.authority.account
        return activities_answer(self.engine.state.book, account, agent, read(pairs, ActivitiesAsked))

    # Positions.

    def positions(self, agent: AgentName, pairs: Pairs) -> list[Position]:
        """Every holding in the agent's symbols, by symbol."""
        read(pairs, Nothing)
        return [self._position(symbol) for symbol in self.holdings(agent)]

    def position(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> Position:
        """One holding. Raises Refused where the agent has none."""
        read(pairs, Nothing)
        return self._position(self.held(agent, symbol_or_asset_id))

    def holdings(self, agent: AgentName) -> list[Symbol]:
        """The agent's symbols in which something is held, in order."""
        grant = self.engine.rules.grants.get(agent)
        owned = frozenset[Symbol]() if grant is None else grant.symbols
        return sorted(owned.intersection(self.engine.state.book.positions()))

    def held(self, agent: AgentName, symbol_or_asset_id: str) -> Symbol:
        """The agent's symbol that is meant, in which there is a holding. Raises Refused."""
        found = meant(symbol_or_asset_id, self.holdings(agent))
        if found is None:
            raise not_found(f"position does not exist: {symbol_or_asset_id}")
        return found

    def _position(self, symbol: Symbol) -> Position:
        book, market = self.engine.state.book, self.engine.market
        instrument = self.engine.rules.instruments.get(symbol)
        return position_answer(book, symbol, book.holdings[symbol], instrument, market.prices.get(symbol))

    # Orders.

    def order(self, agent: AgentName, name: str, pairs: Pairs) -> OrderAnswer:
        """An order by its id. Raises Refused where the agent has none."""
        asked = read(pairs, OrderAsked)
        return self.answer(self.found(agent, name), nested=asked.nested)

    def order_by_client_order_id(self, agent: AgentName, pairs: Pairs) -> OrderAnswer:
        """An order by its client's id, with its legs. Raises Refused where the agent has none."""
        wanted = read(pairs, ClientOrderAsked).client_order_id
        found = self.called(agent, wanted)
        # One that came in our own words is known by what it was proposed as; what has no name, by its id.
        for name in (derive_proposed_id(agent, wanted), wanted):
            found = found or find_order(self.engine.state.book, agent, name)
        if found is None or not is_shown(found, agent):
            raise not_found(f"order not found for {wanted}")
        return self.answer(found, nested=True)

    def called(self, agent: AgentName, client_order_id: str) -> Order | None:
        """The agent's order that its client calls so.

        Where an agent's ids are made anew for each try its orders are not known by them, and are looked up.
        """
        orders = self.engine.state.book.orders.by_id
        _, found = named(agent, client_order_id).latest(orders)
        configured = self._agents.get(agent)
        if found is not None or configured is None or configured.client_ids == "meant":
            return found
        return self._client_ids.find(orders, agent, client_order_id)

    def orders(self, agent: AgentName, pairs: Pairs) -> list[OrderAnswer]:
        """The orders that are asked for, the newest first unless told otherwise. Raises BadValue.

        Nested, a leg stands in its entry; one whose entry is not among what is asked for stands for itself.
        """
        asked = read(pairs, OrdersAsked)
        after, until = time_of(asked.after), time_of(asked.until)
        owned = symbols_of(self.engine.rules, agent)
        symbols = None if asked.symbols is None else all_meant(asked.symbols.split(","), owned)
        found = {
            order.id: order
            for order in self._own(agent)
            if (asked.status == "all" or (order.state in TERMINAL) is (asked.status == "closed"))
            and (after is None or created(order) > after)
            and (until is None or created(order) < until)
            and asked.side in (None, order.side.value)
            and (symbols is None or order.proposal.symbol in symbols)
        }
        shown = [
            order
            for order in found.values()
            if not (asked.nested and order.parent is not None and order.parent.id in found)
        ]
        if asked.direction == "desc":
            shown.reverse()
        return [self.answer(order, nested=asked.nested) for order in shown[: asked.limit]]

    def working(self, agent: AgentName) -> list[Order]:
        """The agent's orders that have not ended; legs stand in their bracket or pair while that works."""
        return [
            order
            for order in self._own(agent)
            if order.state not in TERMINAL and (order.parent is None or order.parent.state in TERMINAL)
        ]

    def found(self, agent: AgentName, name: str) -> Order:
        """The agent's order of that id. Raises Refused where it has none."""
        order = find_order(self.engine.state.book, agent, name)
        if order is None:
            raise not_found(f"order not found for {name}")
        return order

    def answer(self, order: Order, *, nested: bool) -> OrderAnswer:
        """The order as it stands."""
        instrument = self.engine.rules.instruments.get(order.proposal.symbol)
        return order_answer(order, instrument, moment_of(order), nested=nested)

    def _own(self, agent: AgentName) -> Iterator[Order]:
        orders = self.engine.state.book.orders.by_id.values()
        return (order for order in orders if is_shown(order, agent))
