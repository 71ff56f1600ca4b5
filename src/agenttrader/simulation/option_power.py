"""What options and orders in them ask of an account: cash of its own, and shares behind calls.

It follows from what the account holds, from its open orders and from the last quotes; `option_risk` has the
arithmetic. An order without a limit counts at the last quote and some per cent worse.
"""

from collections.abc import Callable, Iterable, Mapping

from agenttrader.simulation.contracts import CONTRACT_SIZE, OptionContract
from agenttrader.simulation.ledger import Ledger
from agenttrader.simulation.listings import BILLION, Listing
from agenttrader.simulation.option_risk import Exposure, Package, hundreds_needed, largest_loss, need
from agenttrader.simulation.orders import Side, VenueOrder
from agenttrader.simulation.quotes import Quote

_PERCENT = 100


class OptionPower:
    """Reads the books' listings, ledger and orders; owns the last quotes."""

    def __init__(
        self,
        listings: Mapping[str, Listing],
        ledger: Ledger,
        open_of: Callable[[str], list[VenueOrder]],
        unheld: Callable[[str, str], int],
        reserve_percent: int,
    ) -> None:
        self.quotes: dict[str, Quote] = {}
        self.underlyings = frozenset(
            each.contract.underlying for each in listings.values() if each.contract is not None
        )
        """The shares on which options are listed."""
        self._listings = listings
        self._ledger = ledger
        self._open_of = open_of
        self._unheld = unheld
        self._reserve_percent = reserve_percent

    def needs(self, account: str) -> int:
        """Femtos of own cash that what is held and what is ordered needs."""
        total = 0
        for underlying, pending in self._pending(account).items():
            held = self.held(account, underlying)
            total += need(held, pending, hundreds_needed(held, pending))
        return total

    def requirement(self, account: str) -> int:
        """Femtos of own cash that what is held needs: its largest loss."""
        total = 0
        for underlying in self.underlyings:
            held = self.held(account, underlying)
            total += largest_loss(held, (), hundreds_needed(held, ())) if held else 0
        return total

    def held(self, account: str, underlying: str) -> list[Exposure]:
        """What the account holds on these shares."""
        found = []
        for symbol in self._ledger.symbols(account):
            contract = self._listings[symbol].contract
            if contract is not None and contract.underlying == underlying:
                found.append(Exposure(contract, self._ledger.lots(account, symbol)))
        return found

    def encumbered(self, account: str, underlying: str) -> int:
        """Lots of the shares that must stay behind calls that are short, or may be."""
        if underlying not in self.underlyings:
            return 0
        hundreds = hundreds_needed(self.held(account, underlying), self._pending(account).get(underlying, []))
        return self._listings[underlying].lots_of_whole(hundreds * CONTRACT_SIZE)

    def hundreds(self, account: str, underlying: str) -> int:
        """Hundreds of shares that are held, and held for no order."""
        lots = self._unheld(account, underlying)
        if self._ledger.lots(account, underlying) <= 0 or lots <= 0:
            return 0
        return self._listings[underlying].billionths(lots) // (CONTRACT_SIZE * BILLION)

    def uncovered(
        self, account: str, underlying: str, wanted: Package, instead_of: str | None = None
    ) -> bool:
        """Whether an order, with all others but the one it is instead of, could leave an uncovered call."""
        pending = [*self._pending(account, instead_of).get(underlying, []), wanted]
        needed = hundreds_needed(self.held(account, underlying), pending)
        return needed > self.hundreds(account, underlying)

    def more(self, account: str, underlying: str, wanted: Package, instead_of: str | None = None) -> int:
        """Femtos of own cash that an order would need besides what is needed already."""
        held, pending = self.held(account, underlying), self._pending(account).get(underlying, [])
        after = [*self._pending(account, instead_of).get(underlying, []), wanted]
        return need(held, after, hundreds_needed(held, after)) - need(
            held, pending, hundreds_needed(held, pending)
        )

    def without(self, account: str, underlying: str, gone: Exposure) -> tuple[int, int]:
        """Were so much of what is held gone: femtos of own cash needed besides, and hundreds behind calls."""
        held, pending = self.held(account, underlying), self._pending(account).get(underlying, [])
        left = [*held, Exposure(gone.contract, -gone.lots)]
        hundreds = hundreds_needed(left, pending)
        more = need(left, pending, hundreds) - need(held, pending, hundreds_needed(held, pending))
        return more, hundreds

    def to_pay(self, legs: Iterable[tuple[str, Side, int]]) -> int | None:
        """Femtos for signed lots at the last quotes, and some per cent worse; None where one has no quote."""
        total = 0
        for symbol, side, lots in legs:
            quote = self.quotes.get(symbol)
            offer = None if quote is None else quote.offer(side)
            if offer is None:
                return None
            amount = self._listings[symbol].notional(offer.price, lots)
            if side is Side.BUY:
                total += -(-amount * self._reserve_percent // _PERCENT)
            else:
                total -= amount * (2 * _PERCENT - self._reserve_percent) // _PERCENT
        return total

    def _pending(self, account: str, without: str | None = None) -> dict[str, list[Package]]:
        """What open orders may do, by the shares; every underlying of which something is held has its own."""
        if not self.underlyings:
            return {}
        found: dict[str, list[Package]] = {}
        for symbol in self._ledger.symbols(account):
            contract = self._listings[symbol].contract
            if contract is not None:
                found.setdefault(contract.underlying, [])
        orders = {order.id: order for order in self._open_of(account) if order.is_option}
        for order in orders.values():
            if order.entry is None and not order.is_replacing and order.id != without:
                underlying, package = self._package(order, orders)
                found.setdefault(underlying, []).append(package)
        return found

    def _package(self, order: VenueOrder, orders: Mapping[str, VenueOrder]) -> tuple[str, Package]:
        """What an order may do; one that waits to be replaced, what it or the other may at the worst."""
        if not order.is_package:
            waiting = orders.get(order.replaced_by or "")
            contract = self._contract(order.symbol)
            each = [(order.limit, order.leaves)]
            if waiting is not None:
                each.append((waiting.limit, waiting.lots - order.filled_lots))
            paid = max(self._paid(order.symbol, order.side, limit, lots) for limit, lots in each)
            lots = max(lots for _, lots in each)
            return contract.underlying, Package((Exposure(contract, lots * order.side.sign),), paid)
        legs = [orders[leg] for leg in order.legs]
        exposures = tuple(Exposure(self._contract(leg.symbol), leg.leaves * leg.side.sign) for leg in legs)
        if order.limit is not None:
            paid = self._listings[legs[0].symbol].notional(order.limit, order.leaves)
        else:
            paid = self.to_pay((leg.symbol, leg.side, leg.leaves) for leg in legs) or 0
        return exposures[0].contract.underlying, Package(exposures, paid)

    def _paid(self, symbol: str, side: Side, limit: int | None, lots: int) -> int:
        if limit is None:
            return self.to_pay([(symbol, side, lots)]) or 0
        return self._listings[symbol].notional(limit * side.sign, lots)

    def _contract(self, symbol: str) -> OptionContract:
        contract = self._listings[symbol].contract
        assert contract is not None
        return contract
