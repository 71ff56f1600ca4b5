"""The venue's books: every order, what accounts hold and owe, and what they may still do.

A cash account has no leverage. What it may spend is its cash, less what its opening orders have set aside,
less twice what it is short at the last price: once because the cash holds the proceeds of the short sale,
once as its cover. An order *opens* where it adds to the holding or starts one; what closes needs no buying
power, but the holding must be there and not be held for another order. The two legs of a bracket hold it
once.
"""

from collections.abc import Iterator

from agenttrader.simulation.ledger import Ledger
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import OrderType, Shortage, Side, Status, VenueOrder


class Books:
    """The venue's whole state but its clock."""

    def __init__(
        self, listings: tuple[Listing, ...], accounts: tuple[str, ...], market_reserve_percent: int
    ) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.ledger = Ledger()
        self.marks: dict[str, int] = {}
        self.orders: dict[str, VenueOrder] = {}
        self._by_account: dict[str, list[str]] = {account: [] for account in accounts}
        self._open: dict[str, dict[str, None]] = {account: {} for account in accounts}
        self._client_ids: dict[str, dict[str, str]] = {account: {} for account in accounts}
        self._reserve_percent = 100 + market_reserve_percent

    def put(self, order: VenueOrder) -> None:
        """Write an order down, as new or as changed."""
        if order.id not in self.orders:
            self._by_account[order.account].append(order.id)
            self._client_ids[order.account][order.client_order_id] = order.id
        self.orders[order.id] = order
        if order.status.is_open:
            self._open[order.account][order.id] = None
        else:
            self._open[order.account].pop(order.id, None)

    def all_of(self, account: str) -> Iterator[VenueOrder]:
        """Every order that the account ever had, oldest first."""
        return (self.orders[order_id] for order_id in self._by_account[account])

    def open_of(self, account: str, symbol: str | None = None) -> list[VenueOrder]:
        """The account's open orders, oldest first."""
        found = (self.orders[order_id] for order_id in self._open[account])
        return [order for order in found if symbol is None or order.symbol == symbol]

    def order_of(self, account: str, order_id: str) -> VenueOrder | None:
        """An order by its id, if it is the account's own."""
        order = self.orders.get(order_id)
        return order if order is not None and order.account == account else None

    def by_client_order_id(self, account: str, client_order_id: str) -> VenueOrder | None:
        """The order for which the account used this id; an id is used for ever."""
        order_id = self._client_ids[account].get(client_order_id)
        return None if order_id is None else self.orders[order_id]

    def legs_of(self, order: VenueOrder) -> tuple[VenueOrder, ...]:
        """The legs of an entry as they stand, target first; none for any other order."""
        return tuple(self.orders[leg] for leg in order.legs)

    def opens(self, account: str, symbol: str, side: Side) -> bool:
        """Whether an order of this side would add to the holding, or start one."""
        return self.ledger.lots(account, symbol) * side.sign >= 0

    def shortage(self, account: str, symbol: str) -> Shortage:
        """How much of the holding open orders hold; a bracket's two legs hold it once."""
        lots = self.ledger.lots(account, symbol)
        closing = Side.SELL if lots > 0 else Side.BUY
        held: dict[str, int] = {}
        orders = []
        for order in self.open_of(account, symbol):
            if order.side is closing and order.status is not Status.HELD:
                held[order.entry or order.id] = order.lots
                orders.append(order.id)
        listing = self.listings[symbol]
        return Shortage(
            symbol=symbol,
            existing=listing.quantity(abs(lots)),
            held=listing.quantity(sum(held.values())),
            orders=tuple(orders),
        )

    def set_aside(self, symbol: str, order_type: OrderType, price: int | None, lots: int) -> int | None:
        """Nanos that an opening order needs; None where it has no price and the symbol has not traded yet."""
        mark = self.marks.get(symbol)
        if order_type is OrderType.MARKET and mark is not None:
            price = -(-mark * self._reserve_percent // 100)
        return None if price is None else self.listings[symbol].notional(price, lots)

    def reserved(self, account: str) -> int:
        """Nanos set aside for the account's open orders."""
        return sum(
            self.set_aside(order.symbol, order.type, order.limit or order.stop, order.lots) or 0
            for order in self.open_of(account)
            if order.entry is None and self.opens(account, order.symbol, order.side)
        )

    def value(self, account: str, symbol: str) -> int:
        """Nanos that the holding is worth at the last price; negative when short."""
        lots = self.ledger.lots(account, symbol)
        return self.listings[symbol].notional(self.marks[symbol], lots) if lots else 0

    def long_value(self, account: str) -> int:
        """Nanos that all long holdings are worth."""
        return sum(max(self.value(account, symbol), 0) for symbol in self.ledger.symbols(account))

    def short_value(self, account: str) -> int:
        """Nanos that all short holdings are worth: 0 or negative."""
        return sum([self.value(account, symbol) for symbol in self.ledger.shorts(account)])

    def equity(self, account: str) -> int:
        """Nanos of cash and holdings together."""
        return self.ledger.cash(account) + self.long_value(account) + self.short_value(account)

    def buying_power(self, account: str) -> int:
        """Nanos that a new opening order may need; never below 0."""
        return max(self.ledger.cash(account) + 2 * self.short_value(account) - self.reserved(account), 0)
