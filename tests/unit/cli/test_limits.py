"""The table of limits can be read on a screen, and says how much is left."""

from decimal import Decimal

import pytest

from agenttrader.cli.limits import table_of
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest
from agenttrader.protocols.limit_bodies import LimitBody, LimitsBody
from agenttrader.runtime.rule_values import values_of
from agenttrader.testing.builders import rules

WIDTH_MAX = 90


def body(*limits: LimitBody) -> LimitsBody:
    return LimitsBody(limits=limits, digest=Digest("d0" * 32))


def limit(name: str, value: str, used: str | None = None, tightened: str = "") -> LimitBody:
    amount = None if used is None else Decimal(used)
    left = None if amount is None else Decimal(value) - amount
    return LimitBody(name=name, value=value, used=amount, left=left, tightened=tightened)


def test_a_heading_for_each_thing_and_a_row_for_each_limit() -> None:
    found = body(
        limit("account.gross_exposure_max", "60000", "12345.678"),
        limit("account.restricted", ""),
        limit("symbol.BRK.B.order_quantity_max", "100", tightened="by ann from 500: a rough day"),
    )
    assert list(table_of(found)) == [
        "account                                          limit            used            left",
        "  gross_exposure_max                             60000        12345.68        47654.32",
        "  restricted                                      none",
        "symbol.BRK.B                                     limit            used            left",
        "  order_quantity_max                               100",
        "    tightened by ann from 500: a rough day",
    ]
    assert len(list(table_of(found, "symbol."))) == 3


def test_a_scope_that_names_no_limit_is_refused_with_those_that_there_are() -> None:
    found = body(limit("account.restricted", ""), limit("symbol.ALFA.order_quantity_max", "200"))
    with pytest.raises(BadValue, match=r"found 'symbol\.NOPE'; there are account, symbol\.ALFA$"):
        list(table_of(found, "symbol.NOPE"))


def test_a_long_list_is_counted_and_a_key_is_cut() -> None:
    found = body(limit("program.checks", ",".join(["a_check"] * 9)), limit("person.ann.key", "5f" * 32))
    lines = list(table_of(found))
    assert lines[1].endswith(" 9 names")
    assert lines[3].endswith(" 5f5f5f5f5f5f…")


def test_every_limit_that_there_is_fits_a_screen() -> None:
    """A value of 15 digits and a long list, too."""
    values = values_of(rules())
    wide = body(*(limit(name, value) for name, value in values.items()))
    wide = body(*wide.limits, limit("account.x_max", "9" * 15, "1" * 15))
    lines = list(table_of(wide))
    assert max(map(len, lines)) <= WIDTH_MAX
    assert len(lines) > len(values)
