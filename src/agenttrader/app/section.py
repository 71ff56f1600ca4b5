"""What every section of a configuration file keeps to: a struct whose fields are its keys."""

import re
from datetime import date
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_HEX_256_BITS = re.compile(r"[0-9a-f]{64}")


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whole numbers are above 0, Decimals 0 or more, texts not empty, hashes and public keys whole."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str) and not value:
                raise BadValue(f"{name}: expected a text, found an empty one")
            if isinstance(value, int) and not isinstance(value, bool) and name != "seed" and value < 1:
                raise BadValue(f"{name}: expected a whole number above 0, found {value}")
            if isinstance(value, Decimal) and value < 0:
                raise BadValue(f"{name}: expected 0 or more, found {value}")
            if name.endswith("_sha256") or name == "public_key":
                _require_hex(value, name)


def _require_hex(value: str, name: str) -> None:
    if not _HEX_256_BITS.fullmatch(value):
        raise BadValue(f"{name}: expected 64 hexadecimal digits in lower case, found {value!r}")


def require_account(name: str) -> None:
    """Raise BadValue unless it is an account's name that no file, and no other account's file, gets wrong."""
    if not _ACCOUNT.fullmatch(name):
        raise BadValue(
            "name: expected letters, digits, - and _ with a letter or a digit first, for files are named "
            f"after the account, found {name!r}"
        )


def require_day(text: str) -> None:
    """Raises BadValue unless it is a day as YYYY-MM-DD."""
    try:
        found = date.fromisoformat(text).isoformat()
    except ValueError:
        found = ""
    if found != text:
        raise BadValue(f"date: expected a day as YYYY-MM-DD, found {text!r}")
