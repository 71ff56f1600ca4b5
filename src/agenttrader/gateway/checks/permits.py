"""Whether the broker lets the account do it, by its last word."""

from agenttrader.gateway.checks.case import Case
from agenttrader.model.decisions import Check
from agenttrader.model.instruments import CryptoPair, Option
from agenttrader.model.permits import ACTIVE, Permits
from agenttrader.model.values import ZERO

SELLS_COVERED, BUYS, SPREADS = 1, 2, 3
"""The broker's levels of what may be done with options (docs.alpaca.markets, "Options Trading")."""

_FREE = "an account that is ACTIVE, with nothing blocked"
_COINS, _SHORTING = "an account that may trade coins", "an account that may sell short"
_PERMITTED = Check("account_permits", _FREE, _FREE, passed=True)


def broker_permits_it(case: Case) -> Check:
    """The broker's last word on the account permits such an order."""
    permits = case.snapshot.permits
    if permits is None:
        return Check("account_permits", None, _FREE, passed=False)
    if permits.is_blocked:
        return _denied(", ".join(permits.blocks) or f"status {permits.status}", _FREE)
    kind = type(case.leg.instrument)
    if kind is Option:
        return _on_options(case, permits)
    if kind is CryptoPair:
        return _PERMITTED if permits.coin_status == ACTIVE else _denied(f"{permits.coin_status}", _COINS)
    if permits.shorting is not True and case.leg.quantity < ZERO:
        return _denied("not said" if permits.shorting is None else "no shorting", _SHORTING)
    return _PERMITTED


def _on_options(case: Case, permits: Permits) -> Check:
    level = BUYS if case.leg.quantity > ZERO else SELLS_COVERED
    if len(case.proposal.legs) > 1:
        level = SPREADS
    if permits.options_level is None or permits.options_level < level:
        return _denied(f"options level {permits.options_level}", f"options level {level}")
    return _PERMITTED


def _denied(found: str, needed: str) -> Check:
    return Check("account_permits", found, needed, passed=False)
