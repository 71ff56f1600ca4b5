"""What an account holds and may do, in Alpaca's words, at the last prices."""

from decimal import Decimal

from agenttrader.app.venue.market import exchange_name
from agenttrader.app.venue.symbols import asset_id, position_symbol
from agenttrader.app.venue.valuations import Close
from agenttrader.model.times import rfc3339
from agenttrader.protocols.alpaca_account import Configurations
from agenttrader.protocols.alpaca_trading import Account, Position
from agenttrader.simulation.books import Books
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.listings import money

PATTERN_MULTIPLIER = 4
"""The leverage of an account that is a pattern day trader's."""
_PART = Decimal("0.000001")
"""How finely changes are told, as parts of one."""


def position_answer(books: Books, account: str, symbol: str, close: Close | None) -> Position:
    """A holding; what changed today is told against `close`, the last session's end, if there was one."""
    listing = books.listings[symbol]
    lots, cost, value = (
        books.ledger.lots(account, symbol),
        books.ledger.cost(account, symbol),
        books.value(account, symbol),
    )
    mark = books.marks[symbol]
    last = None if close is None else close.marks.get(symbol)
    today = _gain_today(books, account, symbol, close)
    return Position(
        asset_id=asset_id(symbol),
        symbol=position_symbol(listing),
        exchange=exchange_name(listing),
        asset_class=listing.asset_class.value,
        avg_entry_price=listing.average(cost, lots),
        qty=listing.quantity(lots),
        side="long" if lots > 0 else "short",
        cost_basis=money(cost),
        qty_available=books.shortage(account, symbol).available * (1 if lots > 0 else -1),
        market_value=money(value),
        unrealized_pl=money(value - cost),
        unrealized_plpc=_part(value - cost, abs(cost)),
        unrealized_intraday_pl=money(today),
        unrealized_intraday_plpc=_part(today, abs(value - today)),
        current_price=listing.price(mark),
        lastday_price=None if last is None else listing.price(last),
        change_today=None if last is None else _part(mark - last, last),
        asset_marginable=listing.marginable,
    )


def account_answer(exchange: Exchange, account: str, configurations: Configurations) -> Account:
    """The account's numbers, as the exchange's books and the owner's configurations have them."""
    books = exchange.books
    opening, day = exchange.accounts[account], books.days[account]
    equity = money(books.equity(account))
    return Account(
        id=derive_uuid("account", account),
        account_number=account,
        status="ACTIVE",
        crypto_status="ACTIVE" if any(each.is_coin for each in books.listings.values()) else None,
        currency="USD",
        cash=money(books.ledger.cash(account)),
        equity=equity,
        last_equity=money(exchange.equity_at_close[account]),
        portfolio_value=equity,
        buying_power=money(books.buying_power(account)),
        regt_buying_power=_regt_buying_power(books, account),
        daytrading_buying_power=money(books.daytrading_buying_power(account)),
        options_buying_power=money(books.non_marginable_buying_power(account)),
        options_approved_level=opening.options_level,
        options_trading_level=opening.options_level,
        non_marginable_buying_power=money(books.non_marginable_buying_power(account)),
        long_market_value=money(books.long_value(account)),
        short_market_value=money(books.short_value(account)),
        position_market_value=money(books.long_value(account) + books.short_value(account)),
        initial_margin=money(books.initial_margin(account)),
        maintenance_margin=money(books.maintenance_margin(account)),
        last_maintenance_margin=money(day.last_maintenance),
        accrued_fees=money(books.accrued_fees(account)),
        multiplier=Decimal(books.leverage(account)),
        daytrade_count=day.day_trades,
        pattern_day_trader=opening.multiplier == PATTERN_MULTIPLIER,
        shorting_enabled=books.may_short(account) and not configurations.no_shorting,
        trading_blocked=False,
        transfers_blocked=False,
        account_blocked=False,
        trade_suspended_by_user=configurations.suspend_trade,
        created_at=rfc3339(exchange.settings.start),
    )


def _regt_buying_power(books: Books, account: str) -> Decimal:
    """Without leverage it is what can be spent."""
    has_leverage = books.leverage(account) > 1
    return money(books.regt_buying_power(account) if has_leverage else books.buying_power(account))


def _gain_today(books: Books, account: str, symbol: str, close: Close | None) -> int:
    """What the holding gained since the last close: against its price then for what was held, else its cost.

    Of a holding that grew today, what was added counts at the whole holding's average cost: our own rule.
    """
    listing = books.listings[symbol]
    lots, value = books.ledger.lots(account, symbol), books.value(account, symbol)
    held = 0 if close is None else close.lots.get(symbol, 0)
    if close is None or held * lots <= 0:
        return value - books.ledger.cost(account, symbol)
    kept = min(abs(held), abs(lots)) * (1 if lots > 0 else -1)
    since_close = listing.notional(books.marks[symbol] - close.marks[symbol], kept)
    added = lots - kept
    return since_close + (value - books.ledger.cost(account, symbol)) * added // lots


def _part(change: int, of: int) -> Decimal:
    return (Decimal(change) / of).quantize(_PART) if of else Decimal(0)
