"""What a broker lets an account do, in the broker's own words."""

from msgspec import Struct

from agenttrader.model.facts import Fact

ACTIVE = "ACTIVE"
_BLOCKS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


class Permits(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """The broker's last word on what the account may do. What it does not say, it does not permit."""

    status: str
    """`ACTIVE`, or why it is not."""
    trading_blocked: bool | None
    account_blocked: bool | None
    trade_suspended_by_user: bool | None
    """By the account's owner."""
    coin_status: str | None
    """`ACTIVE` where it may trade coins."""
    shorting: bool | None
    options_level: int | None
    """How far it may trade options: 1 covered ones sold, 2 bought, 3 spreads."""

    @property
    def blocks(self) -> tuple[str, ...]:
        """What is blocked, or not said to be free, by the broker's names."""
        return tuple([name for name in _BLOCKS if getattr(self, name) is not False])

    @property
    def is_blocked(self) -> bool:
        """Whether nothing may be traded."""
        return not (
            self.status == ACTIVE
            and self.trading_blocked is False
            and self.account_blocked is False
            and self.trade_suspended_by_user is False
        )


class PermitsStated(Fact, frozen=True, tag="permits_stated.1"):
    """The broker's word on what the account may do is another than before, or the first in this segment."""

    permits: Permits
