"""Corporate actions as clients look for them: those that the venue has seen, none before its day.

Alpaca documents the parameters, the range of 90 days and the fields; it advises against the route, which has
no successor in the trading API. An action here has one day, on which everything falls; when it was declared
is not known, so nothing is found by that date.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from agenttrader.app.new_york import day_of
from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_market import (
    ANNOUNCEMENT_DAYS_MAX,
    CORPORATE_ACTION_DATES,
    CORPORATE_ACTION_TYPES,
    Announcement,
)
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen

NO_CUSIP = ""
"""What is generated or replayed has none."""


def announcements_asked(seen: Sequence[CorporateActionSeen], parameters: Parameters) -> list[Announcement]:
    """The announcements that are asked for, oldest first. Raises BadValue for parameters that cannot be."""
    types = parameters.listed("ca_types")
    since, until = parameters.day("since"), parameters.day("until")
    symbol, cusip = parameters.text("symbol"), parameters.text("cusip")
    by = parameters.word("date_type", sorted(CORPORATE_ACTION_DATES), "ex_date")
    parameters.finish()
    if types is None or since is None or until is None:
        raise BadValue("expected ca_types, since and until, found one of them missing")
    wanted = {word.lower() for word in types}
    for wrong in sorted(wanted - CORPORATE_ACTION_TYPES):
        raise BadValue(f"ca_types: expected {', '.join(sorted(CORPORATE_ACTION_TYPES))}, found {wrong!r}")
    if not 0 <= (until - since).days <= ANNOUNCEMENT_DAYS_MAX:
        raise BadValue(f"until: expected at most {ANNOUNCEMENT_DAYS_MAX} days after {since}, found {until}")
    if cusip is not None or by == "declaration_date":
        return []
    told = [announcement(action) for action in seen]
    return [
        each
        for each in told
        if each.ca_type in wanted
        and since.isoformat() <= each.ex_date <= until.isoformat()
        and symbol in (None, each.initiating_symbol)
    ]


def announcement(action: CorporateActionSeen) -> Announcement:
    """An action as Alpaca announces it."""
    day = day_of(action.time).isoformat()
    identity = derive_uuid("corporate action", action.symbol, action.time, action.kind.value)
    return Announcement(
        id=identity,
        corporate_action_id=f"{action.symbol}_{day}_{action.kind.value}",
        ca_type="split" if action.kind is CorporateActionKind.SPLIT else "dividend",
        ca_sub_type=_sub_type(action),
        initiating_symbol=action.symbol,
        initiating_original_cusip=NO_CUSIP,
        target_symbol=action.symbol,
        target_original_cusip=NO_CUSIP,
        declaration_date=None,
        ex_date=day,
        record_date=day,
        payable_date=day,
        cash=action.cash if action.kind is CorporateActionKind.CASH_DIVIDEND else Decimal(0),
        old_rate=action.old_rate,
        new_rate=action.new_rate,
    )


def _sub_type(action: CorporateActionSeen) -> str:
    match action.kind:
        case CorporateActionKind.SPLIT:
            return "stock_split" if action.new_rate >= action.old_rate else "reverse_split"
        case CorporateActionKind.CASH_DIVIDEND:
            return "cash"
        case _:
            assert_never(action.kind)
