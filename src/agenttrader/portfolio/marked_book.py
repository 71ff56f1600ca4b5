"""The book at the market's last prices: what the account is worth, and what it would lose.

The totals over positions are kept. A position is valued again when it, its mark, or what its stops cover has
changed, so what a reading costs does not depend on how many positions there are.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from agenttrader.model.identifiers import StrategyName, Symbol
from agenttrader.model.values import NANO, ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.losses import loss_by_stops
from agenttrader.portfolio.scopes import Scopes, Table, strategy_table


class Valuation(Struct, frozen=True, kw_only=True):
    """The account at given marks, in its currency.

    `equity` is None where a position has no mark: nobody knows.
    """

    equity: Decimal | None
    gross_exposure: Decimal
    net_exposure: Decimal
    unrealised: Decimal


class _Valued(NamedTuple):
    """One position, or the sums over several."""

    value: Decimal = ZERO
    gross: Decimal = ZERO
    unrealised: Decimal = ZERO
    loss: Decimal = ZERO
    unknown: int = 0
    """How many have no mark. They are taken at cost."""

    def changed(self, before: "_Valued", now: "_Valued") -> "_Valued":
        return _Valued(
            value=self.value - before.value + now.value,
            gross=self.gross - before.gross + now.gross,
            unrealised=self.unrealised - before.unrealised + now.unrealised,
            loss=self.loss - before.loss + now.loss,
            unknown=self.unknown - before.unknown + now.unknown,
        )


_FLAT = _Valued()
_NO_SCOPES = Scopes({})


class MarkedBook:
    """A book at `prices`, which may change: whoever changes one says so by `see`. One that is None is none.

    `scopes` name the tables of limits by which exposure is also summed.
    """

    def __init__(
        self,
        book: Book,
        prices: Mapping[Symbol, Decimal | None],
        scopes: Scopes = _NO_SCOPES,
    ) -> None:
        self.book = book
        self._prices = prices
        self.scopes = scopes
        self._stale = book.watch()
        self._positions: dict[Symbol, _Valued] = {}
        self._sums = _FLAT
        self._gross_of: dict[Table, Decimal] = {}
        self._net_of: dict[Table, Decimal] = {}
        self._parts: dict[tuple[StrategyName, Symbol], Decimal] = {}
        """What of each position is a strategy's, as the sums have it."""
        self._valued_at: dict[Symbol, Decimal | None] = {}
        """The prices of what is held, those that nobody was told yet when last asked."""

    def see(self, symbol: Symbol) -> None:
        """Take it that the price of `symbol` has changed."""
        self._stale[symbol] = None

    def value(self) -> Valuation:
        """The account now. Without a mark a position is shown at cost, and nobody knows the equity."""
        sums = self._summed()
        return Valuation(
            equity=None if sums.unknown else self.book.cash + sums.value,
            gross_exposure=sums.gross,
            net_exposure=sums.value,
            unrealised=sums.unrealised,
        )

    def dead_machine_loss(self) -> Decimal:
        """What would be lost, gaps aside, if all of ours stopped now: by what rests at the broker alone."""
        return self._summed().loss

    def gross_of(self, table: Table) -> Decimal:
        """The value of the positions that a table counts, each at its mark, at cost where there is none.

        Of a strategy it is its part of each position, which is never more than the whole.
        """
        self._summed()
        return self._gross_of.get(table, ZERO)

    def net_of(self, table: Table) -> Decimal:
        """The same with what is short taken off; of strategies nothing is known."""
        self._summed()
        return self._net_of.get(table, ZERO)

    def untold(self, told: Mapping[Symbol, Decimal | None]) -> tuple[tuple[Symbol, Decimal | None], ...]:
        """The prices that what is held is valued at, those that are not `told`; None is at cost."""
        self._summed()
        if not self._valued_at:
            return ()
        untold = {symbol: price for symbol, price in self._valued_at.items() if told.get(symbol) != price}
        self._valued_at = untold
        return tuple(untold.items())

    def _summed(self) -> _Valued:
        if self._stale:
            for symbol in self._stale:
                self._value(symbol)
            self._stale.clear()
        return self._sums

    def _value(self, symbol: Symbol) -> None:
        before, now = self._positions.pop(symbol, _FLAT), self._valued(symbol)
        if now is not _FLAT:
            self._positions[symbol] = now
            self._valued_at[symbol] = self._prices.get(symbol)
        else:
            self._valued_at.pop(symbol, None)
        # Where nothing is held the sums begin anew, from a nought without decimals.
        self._sums = self._sums.changed(before, now) if self._positions else _FLAT
        for table in self.scopes.of_symbol(symbol):
            self._gross_of[table] = self._gross_of.get(table, ZERO) - before.gross + now.gross or ZERO
            self._net_of[table] = self._net_of.get(table, ZERO) - before.value + now.value or ZERO
        for strategy in self.scopes.strategies:
            self._value_part(strategy, symbol, now)

    def _value_part(self, strategy: StrategyName, symbol: Symbol, whole: _Valued) -> None:
        """Count what of the position in `symbol` is the strategy's.

        By hand a position is closed for nobody's strategy: of what is left no part is more than the whole.
        """
        key = (strategy, symbol)
        part, before = self.book.by_strategy.get(key), self._parts.pop(key, ZERO)
        if part is None:
            return
        value, mark = whole.gross, self._prices.get(symbol)
        if part.quantity != self.book.position(symbol):
            value = min(value, abs(part.cost if mark is None else part.value(mark)))
        if value:
            self._parts[key] = value
        table = strategy_table(strategy)
        self._gross_of[table] = self._gross_of.get(table, ZERO) - before + value or ZERO

    def _valued(self, symbol: Symbol) -> _Valued:
        holding = self.book.holdings.get(symbol)
        if holding is None or not holding.quantity:
            return _FLAT
        mark = self._prices.get(symbol)
        # Without a mark it is taken at cost, and the equity is unknown: a limit on it then denies.
        price = holding.average_price().quantize(NANO) if mark is None else mark
        value = holding.cost if mark is None else holding.value(mark)
        return _Valued(
            value=value,
            gross=abs(value),
            unrealised=value - holding.cost,
            loss=self._loss(symbol, holding.quantity, price) * holding.multiplier,
            unknown=1 if mark is None else 0,
        )

    def _loss(self, symbol: Symbol, held: Decimal, price: Decimal) -> Decimal:
        stops = self.book.stops(symbol)
        if stops is None:
            return abs(held) * price
        loss = stops.loss(abs(held), price)
        return loss_by_stops(held, price, self.book.protection(symbol)) if loss is None else loss
