"""What a kill is asked for."""

from msgspec import Struct


class Wish(Struct, frozen=True, kw_only=True):
    """What was asked for beyond the halt. To liquidate cancels too: an entry that fills opens anew."""

    cancel_orders: bool = False
    liquidate: bool = False
    including_protective: bool = False

    @property
    def cancels(self) -> bool:
        """Whether any order is to end."""
        return self.cancel_orders or self.liquidate or self.including_protective


EVERYTHING = Wish(cancel_orders=True, liquidate=True, including_protective=True)
