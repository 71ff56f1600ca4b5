"""What follows from executions and the ends of days: holdings and cash move, fees and interest are taken.

Every movement is posted as an activity of its account. Nothing here knows of bars, or of what becomes of an
order; the day's end is told.
"""

from datetime import date
from itertools import pairwise

from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.simulation.books import Books
from agenttrader.simulation.borrowing import borrow_fee, margin_interest
from agenttrader.simulation.fees import Fee, coin_cash_fee, coin_fee, option_dues, rounded, share_dues
from agenttrader.simulation.identities import Numbering
from agenttrader.simulation.inputs import (
    Activity,
    CoinFeePosted,
    FeePosted,
    FillPosted,
    InterestKind,
    InterestPosted,
    Session,
    Settings,
)
from agenttrader.simulation.ledger import BANK, LENDERS, VENUE
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import Execution, OrderType, Side, VenueOrder

COIN_FEE = "CFEE"
"""What the venue takes of the cash for coins that were sold."""


class Clearing:
    """The house behind the venue: it holds everybody to what was traded."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self.books = books
        self.activities: dict[str, list[Activity]] = {account: [] for account in books.accounts}
        self.numberings = {account: Numbering(account) for account in books.accounts}
        self._schedule = settings.fees
        self._posts_late = settings.habits.late_fees
        self._nights = _nights_after(settings.sessions)
        self._coin_fees: dict[str, list[tuple[VenueOrder, Execution, int]]] = {}

    def execute(self, order: VenueOrder, execution: Execution, sequence: int) -> None:
        """Move what an execution traded, and take or note what it costs. The order is as it is after it."""
        account, listing = order.account, self.books.listings[order.symbol]
        lots = execution.lots * order.side.sign
        held = self.books.ledger.lots(account, order.symbol)
        self.books.ledger.trade(account, listing, lots, execution.price, execution.id)
        self.books.days[account].trade(listing, held, lots, execution.price)
        self.activities[account].append(
            FillPosted(
                id=execution.id, sequence=sequence, time=execution.time, order=order, execution=execution
            )
        )
        if listing.is_coin:
            self._keep_coins(order, execution, listing)
            return
        sells = order.side is Side.SELL
        dues_of = option_dues if listing.is_option else share_dues
        dues = dues_of(self._schedule, listing, execution.lots, execution.price, sells=sells)
        if self._posts_late:
            self.books.accrued[account].add(dues)
            return
        for fee in rounded(dues):
            self._charge(account, fee, execution.time, order, execution)

    def bust(self, order: VenueOrder, execution: Execution) -> None:
        """Take an execution back, with the coins that were kept of it. Fees in cash stay: our own rule."""
        listing, lots = self.books.listings[order.symbol], execution.lots * order.side.sign
        self.books.ledger.bust(order.account, listing, execution.id)
        if listing.is_coin and order.side is Side.BUY:
            self._forget_coin_fee(order.account, execution)
        self.books.days[order.account].correct(
            listing, -lots, -listing.notional(execution.price, lots), is_sale=lots < 0
        )

    def correct(self, order: VenueOrder, execution: Execution, corrected: Execution) -> None:
        """Give an execution another price, under another id. Its fees stay: our own rule."""
        listing, lots = self.books.listings[order.symbol], execution.lots * order.side.sign
        self.books.ledger.correct(order.account, listing, execution.id, corrected.id, corrected.price)
        if listing.is_coin and order.side is Side.BUY:
            self._rename_coin_fee(order.account, execution, corrected)
        self.books.days[order.account].correct(
            listing, 0, listing.notional(corrected.price - execution.price, lots), is_sale=lots < 0
        )

    def end_day(self, account: str, session: Session, time: Instant) -> None:
        """Take what the day owes, then the night's interest; what was traded has settled after it."""
        for fee in self.books.accrued[account].take():
            self._charge(account, fee, time)
        for order, execution, kept in self._coin_fees.pop(account, ()):
            self._post_coin_fee(order, execution, kept, time)
        nights, day, ledger = self._nights[session.date], self.books.days[account], self.books.ledger
        interest = margin_interest(self._schedule, ledger.cash(account) + day.paid, nights)
        self._take_interest(account, InterestKind.MARGIN, interest, nights, time)
        for symbol in sorted(ledger.shorts(account) | day.symbols):
            if self.books.listings[symbol].is_option:
                continue
            settled = ledger.lots(account, symbol) - day.lots(symbol)
            mark, listing = self.books.marks[symbol], self.books.listings[symbol]
            fee_femtos = borrow_fee(self._schedule, listing, settled, mark, nights)
            self._take_interest(account, InterestKind.BORROW, fee_femtos, nights, time, symbol)
        day.end(self.books.equity(account), self.books.maintenance_margin(account))

    def _charge(
        self,
        account: str,
        fee: Fee,
        time: Instant,
        order: VenueOrder | None = None,
        execution: Execution | None = None,
    ) -> None:
        self.books.ledger.charge(account, fee.femtos)
        self._post_fee(account, fee, time, order, execution)

    def _post_fee(
        self,
        account: str,
        fee: Fee,
        time: Instant,
        order: VenueOrder | None,
        execution: Execution | None,
    ) -> None:
        sequence, fee_id = self.numberings[account].next()
        self.activities[account].append(
            FeePosted(
                id=fee_id,
                sequence=sequence,
                time=time,
                account=account,
                name=fee.name,
                femtos=fee.femtos,
                order=order,
                execution=execution,
            )
        )

    def _keep_coins(self, order: VenueOrder, execution: Execution, listing: Listing) -> None:
        """Keep the venue's part at once; where fees are late, it is posted with them."""
        account, price = order.account, execution.price
        is_maker = order.type is OrderType.LIMIT and price == order.limit
        if order.side is Side.BUY:
            kept = coin_fee(self._schedule, execution.lots, is_maker=is_maker)
            self.books.ledger.keep(account, listing, kept, execution.id)
        else:
            received = listing.notional(price, execution.lots)
            kept = coin_cash_fee(self._schedule, received, is_maker=is_maker)
            self.books.ledger.charge(account, kept, VENUE)
        if kept and self._posts_late:
            self._coin_fees.setdefault(account, []).append((order, execution, kept))
        elif kept:
            self._post_coin_fee(order, execution, kept, execution.time)

    def _post_coin_fee(self, order: VenueOrder, execution: Execution, kept: int, time: Instant) -> None:
        account = order.account
        if order.side is Side.SELL:
            self._post_fee(account, Fee(COIN_FEE, kept), time, order, execution)
            return
        sequence, fee_id = self.numberings[account].next()
        self.activities[account].append(
            CoinFeePosted(
                id=fee_id,
                sequence=sequence,
                time=time,
                account=account,
                lots=kept,
                order=order,
                execution=execution,
            )
        )

    def _forget_coin_fee(self, account: str, execution: Execution) -> None:
        waiting, posted = self._coin_fees.get(account, []), self.activities[account]
        waiting[:] = [each for each in waiting if each[1].id != execution.id]
        posted[:] = [
            each
            for each in posted
            if not (isinstance(each, CoinFeePosted) and each.execution.id == execution.id)
        ]

    def _rename_coin_fee(self, account: str, execution: Execution, corrected: Execution) -> None:
        waiting, posted = self._coin_fees.get(account, []), self.activities[account]
        for place, (order, due, kept) in enumerate(waiting):
            if due.id == execution.id:
                waiting[place] = (order, corrected, kept)
        for place, activity in enumerate(posted):
            if isinstance(activity, CoinFeePosted) and activity.execution.id == execution.id:
                posted[place] = replace(activity, execution=corrected)

    def _take_interest(
        self,
        account: str,
        kind: InterestKind,
        femtos: int,
        nights: int,
        time: Instant,
        symbol: str | None = None,
    ) -> None:
        if femtos == 0:
            return
        self.books.ledger.charge(account, femtos, BANK if symbol is None else LENDERS)
        sequence, interest_id = self.numberings[account].next()
        self.activities[account].append(
            InterestPosted(
                id=interest_id,
                sequence=sequence,
                time=time,
                account=account,
                kind=kind,
                femtos=femtos,
                nights=nights,
                symbol=symbol,
            )
        )


def _nights_after(sessions: tuple[Session, ...]) -> dict[str, int]:
    """From each session's day to the next session's; one after the last that is known."""
    try:
        days = [date.fromisoformat(session.date) for session in sessions]
    except ValueError as error:
        raise BadValue(f"venue, sessions: expected a date for each, as 2026-11-20, found {error}") from error
    nights = [(after - before).days for before, after in pairwise(days)]
    return {session.date: count for session, count in zip(sessions, [*nights, 1], strict=True)}
