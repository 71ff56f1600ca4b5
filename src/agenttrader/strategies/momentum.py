"""Momentum: buys strength that volume confirms; leaves when it fades, and always before the close."""

from decimal import Decimal

from agenttrader.model.orders import Proposal
from agenttrader.strategies.contract import Strategy, before_close, flat, long, on_timer, when
from agenttrader.strategies.expressions import (
    Param,
    adx,
    close,
    cross_below,
    macd,
    minutes_to_close,
    rsi,
    sma,
    volume,
)
from agenttrader.strategies.ticket import Ticket


class Momentum(Strategy):
    """Long only. The defaults are for bars of one minute.

    Enters at the market when the RSI is strong but not exhausted, the MACD line is above its signal, the ADX
    says that there is a trend, and the bar's volume stands out. The bracket rests at the broker; the trail is
    an exit rule.
    """

    size = Param(Decimal(100), Decimal("0.000001"), Decimal(1_000_000))
    """Units to buy."""
    stop = Param(Decimal("0.003"), Decimal("0.0005"), Decimal("0.2"))
    """Of the price, below it."""
    target = Param(Decimal("0.005"), Decimal("0.0005"), Decimal("0.5"))
    """Of the price, above it."""
    trail = Param(Decimal("0.002"), Decimal("0.0005"), Decimal("0.2"))
    """Of the price, below the best since the entry; armed once the gain has been as large."""
    rsi_low = Param(50, 1, 99)
    rsi_high = Param(70, 1, 99)
    adx_low = Param(25, 1, 99)
    volume_factor = Param(Decimal("1.5"), Decimal("0.1"), Decimal(20))
    """How many times its mean over twenty bars the volume must be."""
    flat_minutes = Param(5, 1, 120)
    """Before the close, everything is sold."""
    entry_minutes = Param(20, 1, 240)
    """Nothing is bought in the last so many minutes."""

    strength = rsi(close, 14)
    line, signal = macd(12, 26, 9)
    trend = adx(14)
    traded = volume
    usual = sma(volume, 20)

    strong = (strength > rsi_low) & (strength < rsi_high)
    busy = traded > volume_factor * usual
    early = minutes_to_close > entry_minutes

    @when(strong & (line > signal) & (trend > adx_low) & busy & early, flat)
    def enter(self, order: Ticket) -> Proposal | None:
        """Buy, with the plan by which the position will be left."""
        price = order.price
        reason = (
            f"RSI {self.strength:.1f} is between {self.rsi_low} and {self.rsi_high}, "
            f"MACD {self.line:.4f} is above its signal {self.signal:.4f}, "
            f"ADX {self.trend:.1f} is above {self.adx_low}, "
            f"volume {self.traded:.0f} is {self.traded / self.usual:.1f} times its mean"
        )
        return order.buy(
            self.size,
            reason,
            stop=price * (1 - self.stop),
            target=price * (1 + self.target),
            trail=price * self.trail,
            until=order.before_close(self.flat_minutes),
        )

    @when(cross_below(line, signal), long)
    def fade(self, order: Ticket) -> Proposal | None:
        """Sell when the MACD line falls below its signal."""
        return order.close(f"MACD {self.line:.4f} fell below its signal {self.signal:.4f}")

    @on_timer(before_close(minutes=flat_minutes), long)
    def end(self, order: Ticket) -> Proposal | None:
        """Sell before the close: nothing is held over night."""
        return order.close(f"{self.flat_minutes} minutes before the close nothing is held over night")
