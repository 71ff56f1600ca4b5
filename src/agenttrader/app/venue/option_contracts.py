"""The option contracts that the venue lists, as clients ask for them, and when they may be exercised.

The filters and the size of a page are alpaca-py's (`GetOptionContractsRequest`). That they come by symbol is
our own rule.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from agenttrader.app.new_york import day_of
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.symbols import asset_id
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_options import (
    CONTRACT_RIGHTS,
    CONTRACT_STATUSES,
    CONTRACT_STYLES,
    CONTRACTS_DEFAULT,
    CONTRACTS_MAX,
    OptionContract,
    OptionContractsPage,
)
from agenttrader.simulation.contracts import CONTRACT_SIZE
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import Reason, Refusal

STYLE = "american"
_FRIDAY = 4
"""Who names no day is told of contracts to the next weekend (docs.alpaca.markets, "Options Trading")."""


def contract_answer(listing: Listing, today: str) -> OptionContract:
    """A contract as it is told on a day: inactive once it has expired."""
    contract = listing.contract
    assert contract is not None
    is_active = contract.expiration >= today
    return OptionContract(
        id=asset_id(listing.symbol),
        symbol=listing.symbol,
        name=f"{contract.underlying} {contract.expiration} {contract.strike:f} {contract.right.value}",
        status="active" if is_active else "inactive",
        tradable=is_active,
        expiration_date=contract.expiration,
        root_symbol=contract.underlying,
        underlying_symbol=contract.underlying,
        underlying_asset_id=asset_id(contract.underlying),
        type=contract.right.value,
        style=STYLE,
        strike_price=contract.strike,
        multiplier=str(CONTRACT_SIZE),
        size=str(CONTRACT_SIZE),
        ppind=listing.tick == Decimal("0.01"),
    )


def contracts_asked(exchange: Exchange, parameters: Parameters) -> OptionContractsPage:
    """The page of contracts that is asked for. Raises BadValue for parameters that cannot be."""
    underlyings, root = parameters.listed("underlying_symbols"), parameters.text("root_symbol")
    status = parameters.word("status", sorted(CONTRACT_STATUSES), "active")
    right = parameters.word("type", (*sorted(CONTRACT_RIGHTS), ""), "")
    style = parameters.word("style", (*sorted(CONTRACT_STYLES), ""), "")
    on, since, until = (
        parameters.day(name) for name in ("expiration_date", "expiration_date_gte", "expiration_date_lte")
    )
    lowest, highest = parameters.number("strike_price_gte"), parameters.number("strike_price_lte")
    limit = parameters.count("limit", CONTRACTS_DEFAULT, CONTRACTS_MAX)
    token = parameters.text("page_token")
    parameters.finish()
    now = day_of(exchange.clock)
    if on is None and since is None and until is None:
        until = now + timedelta(days=(_FRIDAY - now.weekday()) % 7)
    today = now.isoformat()
    found = [
        told
        for told in _all(exchange.books.listings, today)
        if told.status == status
        and (underlyings is None or told.underlying_symbol in underlyings)
        and root in {None, told.root_symbol}
        and right in {"", told.type}
        and style in {"", told.style}
        and (on is None or told.expiration_date == on.isoformat())
        and _lies_between(told.expiration_date, since, until)
        and (lowest is None or told.strike_price >= lowest)
        and (highest is None or told.strike_price <= highest)
    ]
    start = _after(found, token)
    page = tuple(found[start : start + limit])
    more = start + limit < len(found)
    return OptionContractsPage(option_contracts=page, next_page_token=page[-1].symbol if more else None)


def exercise_fault(exchange: Exchange) -> Refusal | None:
    """Nothing is exercised from a close to midnight (docs.alpaca.markets, "Exercise an Options Position")."""
    clock = exchange.clock
    closes = [session.close for session in exchange.settings.sessions if session.close <= clock]
    if not closes or day_of(closes[-1]) != day_of(clock):
        return None
    message = "options can be exercised again from midnight on: the market has closed"
    return Refusal(reason=Reason.UNPROCESSABLE, message=message)


def _all(listings: Mapping[str, Listing], today: str) -> list[OptionContract]:
    return [contract_answer(each, today) for _, each in sorted(listings.items()) if each.is_option]


def _lies_between(day: str, since: date | None, until: date | None) -> bool:
    return (since is None or day >= since.isoformat()) and (until is None or day <= until.isoformat())


def _after(contracts: list[OptionContract], token: str | None) -> int:
    """The place after the contract that `token` names."""
    if token is None:
        return 0
    for place, told in enumerate(contracts, start=1):
        if told.symbol == token:
            return place
    raise BadValue(f"page_token: expected the token of a page of this list, found {token!r}")
