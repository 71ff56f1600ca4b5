"""What a broker lets an account do, in the broker's own words."""

from msgspec import Struct

ACTIVE = "ACTIVE"


class Permits(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """The broker's last word on what the account may do. What it does not say, it does not permit."""

    status: str
    """`ACTIVE`, or why it is not."""
    blocks: tuple[str, ...]
    """What the broker or the owner has blocked, or does not say to be free, by the broker's names."""
    coin_status: str | None
    """`ACTIVE` where it may trade coins."""
    shorting: bool | None
    options_level: int | None
    """How far it may trade options: 1 covered ones sold, 2 bought, 3 spreads."""

    @property
    def is_blocked(self) -> bool:
        """Whether nothing may be traded."""
        return self.status != ACTIVE or bool(self.blocks)
