"""A third opinion on what accounts hold: plain SQL over what the venue says was executed and charged.

It shares nothing with the ledger of the venue and nothing with our book: it reads the JSON of
`GET /v2/account/activities` by hand, keeps one row for each execution and each amount, and asks SELECTs for
cash, fees, holdings, their cost by average and what was realised. Nothing here imports a type of ours.

A fee that was taken in coins is a sale of them for nothing, right after the purchase that it names,
whenever it was posted. A split leaves the cost with what is held; what it leaves over of a lot is sold for
its cash.
A price of an option, which is known by its symbol, stands for a hundred shares. At its end its contracts go
for nothing, and the shares that they are exercised for move at their price; what settles it is only cash.
A pair of coins goes by one name, without its slash: Alpaca's activities of one pair use both.

Every number is exact. A price counts in millionths and a quantity in billionths, which fit SQLite's integers;
amounts of money count in 10⁻¹⁵ and do not: they are text, and functions of whole numbers do their arithmetic.
One rule rounds: what a partial close takes out of the cost is rounded to 10⁻⁹, half to even. Each close by
itself: the same executions in another order may cost 10⁻⁹ more or less, so both count them in the venue's.
"""

import json
import sqlite3
from typing import Any, NamedTuple, cast

PRICE_DECIMALS, QUANTITY_DECIMALS = 6, 9
MONEY_DECIMALS = PRICE_DECIMALS + QUANTITY_DECIMALS
_COST_STEP = 10 ** (MONEY_DECIMALS - 9)
EXECUTION, COIN_FEE, SPLIT = "FILL", "CFEE", "SPLIT"
OPTION_ENDS = frozenset({"OPEXP", "OPEXC", "OPASN", "OPTRD"})
"""What moves contracts, or shares because of them."""

_TABLES = """
CREATE TABLE openings (account TEXT PRIMARY KEY, cash TEXT NOT NULL) STRICT;
CREATE TABLE executions (
    account TEXT NOT NULL, symbol TEXT NOT NULL, place INTEGER NOT NULL,
    id TEXT NOT NULL, order_id TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell', 'sell_short')),
    quantity INTEGER NOT NULL CHECK (quantity > 0), price INTEGER NOT NULL CHECK (price > 0),
    time TEXT NOT NULL,
    signed INTEGER GENERATED ALWAYS AS (CASE side WHEN 'buy' THEN quantity ELSE -quantity END),
    size INTEGER GENERATED ALWAYS AS (
        CASE WHEN symbol GLOB '*[0-9][0-9][0-9][0-9][0-9][0-9][CP][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'
        THEN 100 ELSE 1 END
    ),
    PRIMARY KEY (account, symbol, place)
) STRICT;
CREATE TABLE kept_coins (
    account TEXT NOT NULL, symbol TEXT NOT NULL, id TEXT NOT NULL, execution TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0)
) STRICT;
CREATE TABLE splits (
    account TEXT NOT NULL, symbol TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL,
    added INTEGER NOT NULL, new INTEGER NOT NULL, old INTEGER NOT NULL, amount TEXT NOT NULL
) STRICT;
CREATE TABLE ends (
    account TEXT NOT NULL, symbol TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL,
    signed INTEGER NOT NULL, price INTEGER NOT NULL CHECK (price >= 0)
) STRICT;
CREATE TABLE amounts (
    account TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, amount TEXT NOT NULL, date TEXT NOT NULL
) STRICT;
"""

_TAKE = """
INSERT INTO executions (account, symbol, place, id, order_id, side, quantity, price, time)
SELECT :account, :symbol, count(*) + 1, :id, :order_id, :side, :quantity, :price, :time
FROM executions WHERE account = :account AND symbol = :symbol
"""

_TAKE_SPLIT = """
INSERT INTO splits (account, symbol, id, place, added, new, old, amount)
SELECT :account, :symbol, :id, count(*), :added, :new, :old, :amount
FROM executions WHERE account = :account AND symbol = :symbol
"""

_TAKE_END = """
INSERT INTO ends (account, symbol, id, place, signed, price)
SELECT :account, :symbol, :id, count(*), :signed, :price
FROM executions WHERE account = :account AND symbol = :symbol
"""

_CASH = """
SELECT exact_total(amount) FROM (
    SELECT cash AS amount FROM openings WHERE account = :account
    UNION ALL SELECT amount FROM amounts WHERE account = :account
    UNION ALL SELECT product(-signed, price * size) FROM executions WHERE account = :account
)
"""

_FEES = """
SELECT exact_total(product(amount, -1)) FROM amounts WHERE account = :account AND kind IN ('FEE', 'CFEE')
"""

_FILLED = """
SELECT order_id, sum(quantity) FROM executions WHERE account = :account GROUP BY order_id ORDER BY order_id
"""

_TOLD_TWICE = """
SELECT id FROM executions WHERE account = :account GROUP BY id HAVING count(*) > 1
UNION ALL SELECT id FROM amounts WHERE account = :account GROUP BY id HAVING count(*) > 1 ORDER BY id
"""

# What is held before each move decides how much of it closes, at the average cost; what is left of it adds,
# or opens the other way, at its own price. Signs are those of the holding. A split closes nothing: it keeps
# as much of the cost as of the holding, and that is all of it where no part of a lot is left over.
_HOLDINGS = """
WITH RECURSIVE told AS (
    SELECT symbol, place, 0 AS part, signed, price * size AS price, 0 AS new, 0 AS old, '0' AS amount
    FROM executions WHERE account = :account
    UNION ALL
    SELECT executions.symbol, place, 1, -kept_coins.quantity, 0, 0, 0, '0'
    FROM kept_coins JOIN executions ON executions.account = kept_coins.account
        AND executions.symbol = kept_coins.symbol AND executions.id = execution
    WHERE kept_coins.account = :account
    UNION ALL
    SELECT symbol, place, 2, added, 0, new, old, amount FROM splits WHERE account = :account
    UNION ALL
    SELECT symbol, place, 2 + rowid, signed, price, 0, 0, '0' FROM ends WHERE account = :account
), moves AS (
    SELECT symbol, row_number() OVER of_symbol AS place, signed, price, new, old, amount,
        coalesce(sum(signed) OVER (of_symbol ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS held
    FROM told WINDOW of_symbol AS (PARTITION BY symbol ORDER BY place, part)
), steps AS MATERIALIZED (
    SELECT *, CASE
        WHEN new > 0 THEN 0
        WHEN held > 0 AND signed < 0 THEN min(held, -signed)
        WHEN held < 0 AND signed > 0 THEN max(held, -signed)
        ELSE 0
    END AS closed FROM moves
), walk (symbol, place, held, cost, realised) AS (
    SELECT symbol, 0, 0, '0', '0' FROM steps WHERE place = 1
    UNION ALL
    SELECT steps.symbol, steps.place, steps.held + signed,
        CASE WHEN new > 0 THEN share(cost, (steps.held + signed) * old, steps.held * new)
        ELSE plus(minus(cost, share(cost, closed, steps.held)), product(signed + closed, price)) END,
        CASE WHEN new > 0 THEN plus(realised,
            minus(amount, minus(cost, share(cost, (steps.held + signed) * old, steps.held * new))))
        ELSE plus(realised, minus(product(closed, price), share(cost, closed, steps.held))) END
    FROM walk JOIN steps ON steps.symbol = walk.symbol AND steps.place = walk.place + 1
)
SELECT symbol, held, cost, realised FROM walk AS last
WHERE place = (SELECT max(place) FROM moves WHERE symbol = last.symbol)
ORDER BY symbol
"""


class Holding(NamedTuple):
    """One symbol: the signed quantity, what it cost by average, and what closing has realised before fees."""

    symbol: str
    quantity: str
    cost: str
    realised: str


class SqlOracle:
    """Accounts by what they began with and what was executed and charged since. Numbers are text, exact."""

    def __init__(self) -> None:
        self._store = sqlite3.connect(":memory:")
        self._store.executescript(_TABLES)
        for name, arguments, function in _FUNCTIONS:
            self._store.create_function(name, arguments, function, deterministic=True)
        self._store.create_aggregate("exact_total", 1, cast("Any", _Total))

    def open_account(self, account: str, cash: str) -> None:
        """The account begins with this cash and nothing else."""
        self._store.execute(
            "INSERT INTO openings VALUES (?, ?)", (account, str(_whole(cash, MONEY_DECIMALS)))
        )

    def take(self, account: str, activities: bytes) -> None:
        """Read a page of activities, oldest first. ValueError for what is none, or is finer than we count."""
        for told in json.loads(activities, parse_float=_refuse, parse_constant=_refuse):
            if told["activity_type"] == EXECUTION:
                self._take_execution(account, told)
                continue
            amount = str(_whole(told["net_amount"], MONEY_DECIMALS))
            row = (account, told["id"], told["activity_type"], amount, told["date"])
            self._store.execute("INSERT INTO amounts VALUES (?, ?, ?, ?, ?)", row)
            if told["activity_type"] == COIN_FEE and told.get("qty") is not None:
                self._take_kept_coins(account, told)
            elif told["activity_type"] == SPLIT:
                self._take_split(account, told, amount)
            elif told["activity_type"] in OPTION_ENDS:
                self._take_end(account, told)

    def cash(self, account: str) -> str:
        """What is left of the opening after every execution and amount."""
        return _text(self._one(_CASH, account), MONEY_DECIMALS)

    def fees(self, account: str) -> str:
        """What was charged."""
        return _text(self._one(_FEES, account), MONEY_DECIMALS)

    def holdings(self, account: str) -> tuple[Holding, ...]:
        """Every symbol that the account ever traded, by name; one that is flat has a quantity of 0."""
        return tuple(
            Holding(
                symbol,
                _text(held, QUANTITY_DECIMALS),
                _text(cost, MONEY_DECIMALS),
                _text(realised, MONEY_DECIMALS),
            )
            for symbol, held, cost, realised in self._store.execute(_HOLDINGS, {"account": account})
        )

    def paid_out(self, account: str) -> frozenset[str]:
        """The symbols of which a split left a part of a lot, for which it paid."""
        rows = self._store.execute(
            "SELECT symbol FROM splits WHERE account = ? AND amount <> '0'", (account,)
        )
        return frozenset(symbol for (symbol,) in rows)

    def executions(self, account: str) -> int:
        """How many there were."""
        return int(self._one("SELECT count(*) FROM executions WHERE account = :account", account))

    def filled(self, account: str) -> dict[str, str]:
        """How much of each order was executed, by the order's id."""
        rows = self._store.execute(_FILLED, {"account": account})
        return {order_id: _text(quantity, QUANTITY_DECIMALS) for order_id, quantity in rows}

    def told_twice(self, account: str) -> list[str]:
        """Ids that stand for more than one execution or amount."""
        return [each for (each,) in self._store.execute(_TOLD_TWICE, {"account": account})]

    def close(self) -> None:
        """Forget everything."""
        self._store.close()

    def _take_execution(self, account: str, told: dict[str, Any]) -> None:
        row = {
            "account": account,
            "symbol": _named(told),
            "id": told["id"].rpartition("::")[2],
            "order_id": told["order_id"],
            "side": told["side"],
            "quantity": _whole(told["qty"], QUANTITY_DECIMALS),
            "price": _whole(told["price"], PRICE_DECIMALS),
            "time": told["transaction_time"],
        }
        self._store.execute(_TAKE, row)

    def _take_kept_coins(self, account: str, told: dict[str, Any]) -> None:
        quantity = -_whole(told["qty"], QUANTITY_DECIMALS)
        row = (account, _named(told), told["id"], told["description"].split()[-1], quantity)
        self._store.execute("INSERT INTO kept_coins VALUES (?, ?, ?, ?, ?)", row)

    def _take_split(self, account: str, told: dict[str, Any], amount: str) -> None:
        """The ratio stands only in the words: `Split of ALFA: 2 for 1`."""
        new, _, old = told["description"].rpartition(": ")[2].partition(" for ")
        row = {
            "account": account,
            "symbol": _named(told),
            "id": told["id"],
            "added": _whole(told["qty"], QUANTITY_DECIMALS),
            "new": _whole(new, 0),
            "old": _whole(old, 0),
            "amount": amount,
        }
        self._store.execute(_TAKE_SPLIT, row)

    def _take_end(self, account: str, told: dict[str, Any]) -> None:
        row = {
            "account": account,
            "symbol": told["symbol"],
            "id": told["id"],
            "signed": _whole(told["qty"], QUANTITY_DECIMALS),
            "price": _whole(told.get("price") or "0", PRICE_DECIMALS),
        }
        self._store.execute(_TAKE_END, row)

    def _one(self, question: str, account: str) -> str:
        (found,) = self._store.execute(question, {"account": account}).fetchone()
        # Over no rows at all an aggregate is NULL.
        return "0" if found is None else str(found)


class _Total:
    """The sum of a column of whole numbers, however large."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, number: str | int) -> None:
        self._sum += int(number)

    def finalize(self) -> str:
        return str(self._sum)


def _product(one: str | int, other: str | int) -> str:
    return str(int(one) * int(other))


def _plus(one: str | int, other: str | int) -> str:
    return str(int(one) + int(other))


def _minus(one: str | int, other: str | int) -> str:
    return str(int(one) - int(other))


def _share(cost: str | int, closed: int, held: int) -> str:
    """What `closed` of `held` cost by average: all of it is all, a part is rounded to 10⁻⁹, half to even."""
    if closed == 0:
        return "0"
    if closed == held:
        return str(cost)
    numerator, denominator = int(cost) * closed, held * _COST_STEP
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    steps, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and steps % 2):
        steps += 1
    return str(steps * _COST_STEP)


_FUNCTIONS = (("product", 2, _product), ("plus", 2, _plus), ("minus", 2, _minus), ("share", 3, _share))
"""Arithmetic of whole numbers of any size, by name and number of arguments."""


def _named(told: dict[str, Any]) -> str:
    return str(told["symbol"]).replace("/", "")


def _whole(text: object, decimals: int) -> int:
    """A decimal number's text as a whole number of 10 to the minus `decimals`."""
    if not isinstance(text, str):
        raise ValueError(f"expected a number as text, found {text!r}")  # noqa: TRY004 - all that it raises
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    before, point, after = digits.partition(".")
    after = after.rstrip("0")
    is_number = before.isdecimal() and (not point or after.isdecimal() or not after)
    if not is_number or len(after) > decimals:
        raise ValueError(f"expected a decimal number with at most {decimals} decimals, found {text!r}")
    return sign * int(before + after.ljust(decimals, "0"))


def _text(whole: str | int, decimals: int) -> str:
    """A whole number of 10 to the minus `decimals` as a decimal number, without needless zeros."""
    number = int(whole)
    before, after = divmod(abs(number), 10**decimals)
    fraction = str(after).rjust(decimals, "0").rstrip("0")
    return f"{'-' if number < 0 else ''}{before}{'.' if fraction else ''}{fraction}"


def _refuse(text: str) -> None:
    raise ValueError(f"expected numbers as text, found {text}")
