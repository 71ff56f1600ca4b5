"""The venue's books: every order, what accounts hold and owe, and what they may still do.

A cash account has no leverage. What it may spend is its cash, less what its opening orders have set aside,
less twice what it is short at the last price: once because the cash holds the proceeds of the short sale,
once as its cover. An order *opens* where it adds to the holding or starts one; what closes needs no buying
power, but the holding must be there and not be held for another order. The two legs of a bracket hold it
once.
"""

from collections import defaultdict
from collections.abc import Iterator

from agenttrader.simulation.ledger import Ledger
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import ENDS, OrderType, Shortage, Side, Status, VenueOrder


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
        # The ids of open orders, oldest first: by account and symbol, and those that are no leg by account.
        self._open: dict[str, defaultdict[str, dict[str, None]]] = {
            account: defaultdict(dict) for account in accounts
        }
        self._open_but_legs: dict[str, dict[str, None]] = {account: {} for account in accounts}
        self._client_ids: dict[str, dict[str, str]] = {account: {} for account in accounts}
        self._reserve_percent = 100 + market_reserve_percent

    def add(self, order: VenueOrder, *legs: VenueOrder) -> None:
        """Write down a new order, and the legs of a bracket behind it; all are open."""
        account = order.account
        client_ids, open_orders = self._client_ids[account], self._open[account][order.symbol]
        for each in (order, *legs):
            self.orders[each.id] = each
            self._by_account[account].append(each.id)
            client_ids[each.client_order_id] = each.id
            open_orders[each.id] = None
        self._open_but_legs[account][order.id] = None

    def change(self, order: VenueOrder) -> None:
        """Write an order down as it has become."""
        self.orders[order.id] = order
        if order.status in ENDS:
            del self._open[order.account][order.symbol][order.id]
            if order.entry is None:
                del self._open_but_legs[order.account][order.id]

    def all_of(self, account: str) -> Iterator[VenueOrder]:
        """Every order that the account ever had, oldest first."""
        return (self.orders[order_id] for order_id in self._by_account[account])

    def open_of(self, account: str, symbol: str | None = None) -> list[VenueOrder]:
        """The account's open orders, oldest first."""
        by_symbol = self._open[account]
        if symbol is not None:
            return [self.orders[order_id] for order_id in by_symbol[symbol]]
        found = [self.orders[order_id] for order_ids in by_symbol.values() for order_id in order_ids]
        return sorted(found, key=lambda order: order.sequence)

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
        return tuple([self.orders[leg] for leg in order.legs])

    def opens(self, account: str, symbol: str, side: Side) -> bool:
        """Whether an order of this side would add to the holding, or start one."""
        return self.ledger.lots(account, symbol) * side.sign >= 0

    def available(self, account: str, symbol: str) -> int:
        """Lots of the holding that no open order holds."""
        lots = self.ledger.lots(account, symbol)
        return abs(lots) - _lots_held(self._closing(account, symbol, lots))

    def shortage(self, account: str, symbol: str) -> Shortage:
        """How much of the holding open orders hold, and which."""
        lots = self.ledger.lots(account, symbol)
        closing = self._closing(account, symbol, lots)
        listing = self.listings[symbol]
        return Shortage(
            symbol=symbol,
            existing=listing.quantity(abs(lots)),
            held=listing.quantity(_lots_held(closing)),
            orders=tuple(order.id for order in closing),
        )

    def set_aside(self, symbol: str, order_type: OrderType, price: int | None, lots: int) -> int | None:
        """Femtos that an opening order needs; None where it has no price and the symbol has not traded yet."""
        mark = self.marks.get(symbol)
        if order_type is OrderType.MARKET and mark is not None:
            price = -(-mark * self._reserve_percent // 100)
        return None if price is None else self.listings[symbol].notional(price, lots)

    def reserved(self, account: str) -> int:
        """Femtos set aside for the account's open orders."""
        total = 0
        for order_id in self._open_but_legs[account]:
            order = self.orders[order_id]
            if self.opens(account, order.symbol, order.side):
                total += (
                    self.set_aside(order.symbol, order.type, order.limit or order.stop, order.leaves) or 0
                )
        return total

    def value(self, account: str, symbol: str) -> int:
        """Femtos that the holding is worth at the last price; negative when short."""
        lots = self.ledger.lots(account, symbol)
        return self.listings[symbol].notional(self.marks[symbol], lots) if lots else 0

    def long_value(self, account: str) -> int:
        """Femtos that all long holdings are worth."""
        return sum(max(self.value(account, symbol), 0) for symbol in self.ledger.symbols(account))

    def short_value(self, account: str) -> int:
        """Femtos that all short holdings are worth: 0 or negative."""
        return sum([self.value(account, symbol) for symbol in self.ledger.shorts(account)])

    def equity(self, account: str) -> int:
        """Femtos of cash and holdings together."""
        return self.ledger.cash(account) + self.long_value(account) + self.short_value(account)

    def buying_power(self, account: str) -> int:
        """Femtos that a new opening order may need; never below 0."""
        return max(self.ledger.cash(account) + 2 * self.short_value(account) - self.reserved(account), 0)

    def _closing(self, account: str, symbol: str, lots: int) -> list[VenueOrder]:
        """The open orders that would close some of a holding of so many lots."""
        side = Side.SELL if lots > 0 else Side.BUY
        return [
            order
            for order in self.open_of(account, symbol)
            if order.side is side and order.status is not Status.HELD
        ]


def _lots_held(closing: list[VenueOrder]) -> int:
    """Two legs hold the same lots."""
    held: dict[str, int] = {}
    for order in closing:
        held[order.group] = max(held.get(order.group, 0), order.leaves)
    return sum(held.values())
