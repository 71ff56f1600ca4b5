"""The venue's books: every order, what accounts hold and owe, and what they may still do.

An order *opens* where it adds to the holding or starts one; what closes needs no buying power, but the
holding must be there and not be held for another order. The two legs of a bracket hold it once, and from the
entry's first fill on: what it bought so far is theirs, though they rest only when it is whole.

Without leverage an account may spend its cash, less what its opening orders have set aside, less twice what
it is short at the last price: once because the cash holds the proceeds of the short sale, once as its cover.
With leverage it may spend a multiple of the equity that stands behind nothing yet. Fees that are due and not
taken yet count as gone. Options are worth what they are worth, but nothing can be bought with that: they, and
orders in them, need cash of one's own for what they may lose (`option_power`).
"""

from collections import defaultdict
from collections.abc import Iterator

from agenttrader.simulation import margin
from agenttrader.simulation.fees import Accrued
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.ledger import Ledger
from agenttrader.simulation.listings import DOLLAR, Listing, femtos_of
from agenttrader.simulation.option_power import OptionPower
from agenttrader.simulation.orders import ENDS, OrderClass, OrderType, Shortage, Side, Status, VenueOrder
from agenttrader.simulation.trading_days import TradingDay

DAY_LEVERAGE = 4
"""What one multiplier of an account allows within a day."""
PATTERN_EQUITY_MIN = 25_000 * DOLLAR
"""With so much at the last day's end an account may day trade as often as it likes."""


class Books:
    """The venue's whole state but its clock."""

    def __init__(
        self,
        listings: tuple[Listing, ...],
        accounts: tuple[AccountOpening, ...],
        market_reserve_percent: int,
    ) -> None:
        self.accounts = {account.name: account for account in accounts}
        self.listings = {listing.symbol: listing for listing in listings}
        self.ledger = Ledger()
        self.marks: dict[str, int] = {}
        self.orders: dict[str, VenueOrder] = {}
        self.days: dict[str, TradingDay] = {}
        self.accrued: dict[str, Accrued] = {account: Accrued() for account in self.accounts}
        self._by_account: dict[str, list[str]] = {account: [] for account in self.accounts}
        # The ids of open orders, oldest first: by account and symbol, and those that are no leg by account.
        self._open: dict[str, defaultdict[str, dict[str, None]]] = {
            account: defaultdict(dict) for account in self.accounts
        }
        self._open_but_legs: dict[str, dict[str, None]] = {account: {} for account in self.accounts}
        self._client_ids: dict[str, dict[str, str]] = {account: {} for account in self.accounts}
        self._reserve_percent = 100 + market_reserve_percent
        self.options = OptionPower(
            self.listings, self.ledger, self.open_of, self._unheld, self._reserve_percent
        )
        for name, account in self.accounts.items():
            cash = femtos_of(account.cash, "cash")
            self.ledger.deposit(name, cash)
            self.days[name] = TradingDay(cash)

    def add(self, order: VenueOrder, *legs: VenueOrder) -> None:
        """Write down a new order, and the legs of a bracket behind it; all are open."""
        account = order.account
        client_ids, by_symbol = self._client_ids[account], self._open[account]
        for each in (order, *legs):
            self.orders[each.id] = each
            self._by_account[account].append(each.id)
            client_ids[each.client_order_id] = each.id
            by_symbol[each.symbol][each.id] = None
        if order.entry is None:
            self._open_but_legs[account][order.id] = None

    def amend(self, order: VenueOrder) -> None:
        """Write an order down whose status is as it was."""
        self.orders[order.id] = order

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
        """Lots of the holding that no open order holds, and no call that is short."""
        return self._unheld(account, symbol) - self._encumbered(account, symbol)

    def shortage(self, account: str, symbol: str) -> Shortage:
        """How much of the holding open orders hold, and which."""
        lots = self.ledger.lots(account, symbol)
        closing = self._closing(account, symbol, lots)
        listing = self.listings[symbol]
        return Shortage(
            symbol=symbol,
            existing=listing.quantity(abs(lots)),
            held=listing.quantity(self._lots_held(closing) + self._encumbered(account, symbol)),
            orders=tuple(order.id for order in closing),
        )

    def set_aside(
        self, symbol: str, order_type: OrderType, price: int | None, lots: int, side: Side = Side.BUY
    ) -> int | None:
        """Femtos that an opening order needs; None where it has no price and nothing has traded yet."""
        mark = self.marks.get(symbol)
        reserve = None if mark is None else -(-mark * self._reserve_percent // 100)
        if reserve is not None and (order_type is OrderType.MARKET or price is None):
            price = reserve
        elif reserve is not None and price is not None and side is Side.SELL:
            price = max(price, reserve)
        return None if price is None else self.listings[symbol].notional(price, lots)

    def needed(self, order: VenueOrder) -> int:
        """Femtos that an opening order still needs for what has not filled of it."""
        listing = self.listings[order.symbol]
        if order.notional is not None:
            return max(order.notional - listing.notional(order.filled_value, 1), 0)
        price = order.limit or order.cap or order.stop
        return self.set_aside(order.symbol, order.type, price, self._leaves(order), order.side) or 0

    def opening_orders(self, account: str) -> Iterator[VenueOrder]:
        """The open orders that would add to a holding, or start one; no legs, and none in options."""
        for order_id in self._open_but_legs[account]:
            order = self.orders[order_id]
            if order.is_option:
                continue
            if self.opens(account, order.symbol, order.side) and not self._is_outweighed(order):
                yield order

    def _is_outweighed(self, order: VenueOrder) -> bool:
        """Of an order and what is to replace it the larger counts (docs.alpaca.markets, Replace an Order)."""
        if order.status is Status.PENDING_REPLACE and order.replaced_by is not None:
            return self.needed(self.orders[order.replaced_by]) >= self.needed(order)
        if order.is_replacing:
            return self.needed(self.orders[order.replaces or ""]) > self.needed(order)
        return False

    def _leaves(self, order: VenueOrder) -> int:
        """Lots that are still to fill; what waits to replace an order counts what that has filled by now."""
        if not order.is_replacing:
            return order.leaves
        old = self.orders[order.replaces or ""]
        lots = order.lots if old.order_class is OrderClass.SIMPLE else old.lots
        return max(lots - old.filled_lots, 0)

    def _lots_held(self, closing: list[VenueOrder]) -> int:
        """Two legs hold the same lots, and so do an order and what is to replace it."""
        held: dict[str, int] = {}
        for order in closing:
            group = self.orders[order.replaces or ""].group if order.is_replacing else order.group
            held[group] = max(held.get(group, 0), self._lots_held_by(order))
        return sum(held.values())

    def _lots_held_by(self, order: VenueOrder) -> int:
        """A leg that waits for its entry holds what that has filled, so that it is there when it is armed."""
        if order.status is Status.HELD and order.entry is not None:
            return self.orders[order.entry].filled_lots
        return self._leaves(order)

    def reserved(self, account: str) -> int:
        """Femtos set aside for the account's open orders."""
        return sum(map(self.needed, self.opening_orders(account)))

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

    def listing_of(self, order: VenueOrder) -> Listing:
        """What an order is in; of several options the first's, which counts prices as all do."""
        return self.listings[order.symbol or self.orders[order.legs[0]].symbol]

    def equity(self, account: str) -> int:
        """Femtos of cash and holdings together."""
        return self.ledger.cash(account) + self.long_value(account) + self.short_value(account)

    def accrued_fees(self, account: str) -> int:
        """Femtos of fees that are due at the day's end."""
        return self.accrued[account].femtos

    def leverage(self, account: str) -> int:
        """How often the account may spend what it has: 1 with too little equity, whatever its multiplier."""
        opening, day = self.accounts[account], self.days[account]
        if opening.multiplier == 1 or self.equity(account) < margin.EQUITY_MIN:
            return 1
        if opening.day_trade_rule and day.last_equity < PATTERN_EQUITY_MIN:
            return 2
        return opening.multiplier

    def may_short(self, account: str) -> bool:
        """Whether the account may sell what it does not hold."""
        opening = self.accounts[account]
        return opening.shorting and (opening.multiplier == 1 or self.equity(account) >= margin.EQUITY_MIN)

    def initial_margin(self, account: str) -> int:
        """Femtos of equity that stand behind what is held; none without leverage."""
        if self.accounts[account].multiplier == 1:
            return 0
        return sum(
            margin.initial(self.listings[symbol], abs(self.value(account, symbol)))
            for symbol in self._shares(account)
        ) + self._option_margin(account)

    def maintenance_margin(self, account: str) -> int:
        """Femtos of equity that must stay behind what is held over night; none without leverage."""
        if self.accounts[account].multiplier == 1:
            return 0
        cash, total, needed = self.ledger.cash(account), 0, 0
        symbols = self._shares(account)
        if cash < 0:
            total = sum(abs(self.value(account, symbol)) for symbol in symbols)
        for symbol in symbols:
            lots, value = self.ledger.lots(account, symbol), abs(self.value(account, symbol))
            concentrated = margin.is_concentrated(value, total, cash)
            needed += margin.maintenance(
                self.listings[symbol], self.marks[symbol], lots, concentrated=concentrated
            )
        return needed + self._option_margin(account)

    def regt_buying_power(self, account: str) -> int:
        """Twice the equity that stands behind neither holdings nor orders; never below 0."""
        behind = sum(
            margin.initial(self.listings[order.symbol], self.needed(order))
            for order in self.opening_orders(account)
        )
        free = self.equity(account) - self.initial_margin(account) - behind - self.accrued_fees(account)
        pending = self.options.needs(account) - self.options.requirement(account)
        return max(2 * (free - pending), 0)

    def daytrading_buying_power(self, account: str) -> int:
        """Four times what the last day left free, less what was opened today; 0 without that leverage."""
        if self.leverage(account) < DAY_LEVERAGE:
            return 0
        day = self.days[account]
        started = DAY_LEVERAGE * (day.last_equity - day.last_maintenance)
        owed = self.reserved(account) + self.options.needs(account) + self.accrued_fees(account)
        return max(started - day.opened - owed, 0)

    def non_marginable_buying_power(self, account: str) -> int:
        """Femtos for what cannot be bought on margin: the account's own cash, and none that it borrowed."""
        own = self.unborrowed(account)
        if self.leverage(account) > 1:
            own = min(own, self.regt_buying_power(account) // 2)
        return max(own, 0)

    def buying_power(self, account: str) -> int:
        """Femtos that the account may spend, as it is told; never below 0."""
        match self.leverage(account):
            case 1:
                return max(self.unborrowed(account), 0)
            case 2:
                return self.regt_buying_power(account)
            case _:
                return max(self.regt_buying_power(account), self.daytrading_buying_power(account))

    def power_for(self, account: str, symbol: str) -> int:
        """Femtos that a new opening order in the symbol may need."""
        if not self.listings[symbol].marginable:
            return self.non_marginable_buying_power(account)
        if self.leverage(account) == DAY_LEVERAGE:
            return self.daytrading_buying_power(account)
        return self.buying_power(account)

    def unborrowed(self, account: str) -> int:
        """Cash that is the account's own, has settled where that matters, and is set aside for nothing."""
        unsettled = self.days[account].proceeds if self.accounts[account].settled_cash else 0
        owed = self.reserved(account) + self.options.needs(account) + self.accrued_fees(account) + unsettled
        shorts = sum(
            [
                self.value(account, symbol)
                for symbol in self.ledger.shorts(account)
                if not self.listings[symbol].is_option
            ]
        )
        return self.ledger.cash(account) + 2 * shorts - owed

    def _shares(self, account: str) -> list[str]:
        """What the account holds but options, by name."""
        symbols = self.ledger.symbols(account)
        return [symbol for symbol in symbols if not self.listings[symbol].is_option]

    def _option_margin(self, account: str) -> int:
        """Femtos of equity that stand behind options: all that they are worth, and what they may lose."""
        if not self.options.underlyings:
            return 0
        symbols = [each for each in self.ledger.symbols(account) if self.listings[each].is_option]
        worth = sum(self.value(account, symbol) for symbol in symbols)
        return worth + self.options.requirement(account)

    def _unheld(self, account: str, symbol: str) -> int:
        """Lots of the holding that no open order holds."""
        lots = self.ledger.lots(account, symbol)
        return abs(lots) - self._lots_held(self._closing(account, symbol, lots))

    def _encumbered(self, account: str, symbol: str) -> int:
        """Lots of what is held that must stay behind calls."""
        return self.options.encumbered(account, symbol) if self.ledger.lots(account, symbol) > 0 else 0

    def _closing(self, account: str, symbol: str, lots: int) -> list[VenueOrder]:
        """The open orders that would close some of a holding of so many lots."""
        side = Side.SELL if lots > 0 else Side.BUY
        return [
            order
            for order in self.open_of(account, symbol)
            if order.side is side and self._lots_held_by(order)
        ]
