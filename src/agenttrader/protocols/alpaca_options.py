"""Alpaca's option contracts, as pure translation: what is listed, page by page.

Answers only; the questions are parameters of a GET. Source: docs.alpaca.markets (Option Contracts) and
alpaca-py 0.44, which is this module's oracle: it reads `size` as text and the strike as a number.
"""

from decimal import Decimal

from agenttrader.protocols.alpaca_trading import Answer

CONTRACT_STATUSES = frozenset({"active", "inactive"})
CONTRACT_RIGHTS = frozenset({"call", "put"})
CONTRACT_STYLES = frozenset({"american", "european"})
CONTRACTS_DEFAULT, CONTRACTS_MAX = 100, 10_000
"""How many a page has where nobody says, and at most."""


class OptionContract(Answer, frozen=True, kw_only=True):
    """One contract; `ppind` says that its prices may be to the cent below 3.00."""

    id: str
    symbol: str
    name: str
    status: str
    tradable: bool
    expiration_date: str
    root_symbol: str
    underlying_symbol: str
    underlying_asset_id: str
    type: str
    style: str
    strike_price: Decimal
    multiplier: str
    size: str
    ppind: bool
    open_interest: str | None = None
    open_interest_date: str | None = None
    close_price: Decimal | None = None
    close_price_date: str | None = None


class OptionContractsPage(Answer, frozen=True, kw_only=True):
    """A page of contracts, and the token of the next where there is one."""

    option_contracts: tuple[OptionContract, ...]
    next_page_token: str | None = None
