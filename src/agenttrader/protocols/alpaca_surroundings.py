"""Where an account lives, and what must agree about it: address, number, key and mode (safety promise 8).

Each text is held against one form as a whole, never by its parts: a port, a path, a name and password, a
capital letter or a blank more, and it is another address. What is not known to be of a kind is not of it.

That paper and live are two hosts is documented by Alpaca. That the numbers of paper accounts, and only they,
begin with PA, and the ids of paper keys with PK, of live ones with AK, is seen in examples and nowhere
documented: where that is not so, a right account is refused, and no wrong one is taken.
"""

import re
from typing import NamedTuple, assert_never

from agenttrader.model.authority import Mode
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.words import Word

_HIDDEN = re.compile(r"(?<=//).*@|[?#].*", re.DOTALL)
"""What of an address may be a secret: who is named in it, and everything after its path."""


class Surroundings(Word):
    """Where an account lives, in the words of `[broker] kind`."""

    SIMULATED = "venue"
    PAPER = "alpaca_paper"
    LIVE = "alpaca_live"

    def fault_of_address(self, address: str) -> str | None:
        """Why no account of this kind is at `address`; None where one can be."""
        shown = _HIDDEN.sub("*****", address)
        return _ADDRESSES[self].fault_of(address, repr(shown))

    def fault_of_number(self, number: str) -> str | None:
        """Why no account of this kind has that number; None where one can."""
        return _NUMBERS[self].fault_of(number, repr(number))

    def fault_of_key(self, key_id: str) -> str | None:
        """Why that key opens no account of this kind, and little of the key; None where it can be."""
        return _KEYS[self].fault_of(key_id, f"one that begins with {key_id[:2]!r}")

    def fault_of_ceiling(self, ceiling: Mode) -> str | None:
        """Why nothing may go as far as `ceiling` here; None where it may."""
        match self:
            case Surroundings.SIMULATED | Surroundings.PAPER:
                fits, expected = ceiling.rank <= Mode.PAPER.rank, "at most paper"
            case Surroundings.LIVE:
                fits, expected = ceiling is not Mode.PAPER, "live, or at most dry_run"
            case _:
                assert_never(self)
        return None if fits else f"expected {expected}, found {ceiling.value}"

    def refuse_to_ask(self, *, address: str, number: AccountName, key_id: str) -> None:
        """Raise ConfigurationError unless all three are of this kind. Asked before anything is sent."""
        for name, fault in (
            ("address", self.fault_of_address(address)),
            ("account", self.fault_of_number(number)),
            ("key", self.fault_of_key(key_id)),
        ):
            if fault is not None:
                raise ConfigurationError(
                    f"the {name} of a broker of kind {self.value}: {fault}; nothing was sent there: make "
                    "[broker] kind and address, [account] name and the key agree"
                )

    def refuse_account(self, expected: AccountName, found: str) -> None:
        """Raise ConfigurationError unless the broker says that it is the account `expected`, of this kind."""
        fault = self.fault_of_number(found)
        if found != expected:
            fault = f"expected account {expected}, found {found}"
        if fault is not None:
            raise ConfigurationError(
                f"the account at a broker of kind {self.value}: {fault}, by the broker's word; no order was "
                "sent: correct [account] name, or the key"
            )


class _Form(NamedTuple):
    """How a text of one kind is written, and how a sentence calls that."""

    pattern: str
    words: str

    def fault_of(self, text: str, shown: str) -> str | None:
        return None if re.fullmatch(self.pattern, text) else f"expected {self.words}, found {shown}"


_PAPER_HOST = "https://paper-api.alpaca.markets"
_LIVE_HOST = "https://api.alpaca.markets"

_ADDRESSES = {
    Surroundings.SIMULATED: _Form(
        r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?",
        "a loopback address such as http://127.0.0.1:8000",
    ),
    Surroundings.PAPER: _Form(re.escape(_PAPER_HOST), f"{_PAPER_HOST} and nothing more"),
    Surroundings.LIVE: _Form(re.escape(_LIVE_HOST), f"{_LIVE_HOST} and nothing more"),
}
_NUMBERS = {
    Surroundings.SIMULATED: _Form(
        r"[^-]+(-[^-]+)+", "a simulated account, whose name has a hyphen as no number of a broker's has"
    ),
    Surroundings.PAPER: _Form(r"PA[0-9A-Z]+", "a paper account, whose number begins with PA"),
    Surroundings.LIVE: _Form(r"(?!PA)[0-9A-Z]+", "a live account, whose number does not begin with PA"),
}
_KEYS = {
    Surroundings.SIMULATED: _Form(r"(?!(PK|AK)[0-9A-Z]+\Z).+", "a key of the venue's, and none of Alpaca's"),
    Surroundings.PAPER: _Form(r"PK[0-9A-Z]+", "a paper key, whose id begins with PK"),
    Surroundings.LIVE: _Form(r"AK[0-9A-Z]+", "a live key, whose id begins with AK"),
}
