"""Numbers as a person reads them on a terminal: amounts, changes, a line of prices, one large number."""

from collections.abc import Sequence
from decimal import Decimal

CENT = Decimal("0.01")
PER_CENT = Decimal(100)
BLOCKS = "▁▂▃▄▅▆▇█"

GLYPH_ROWS = 3
_GLYPHS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ",": (" ", " ", "▞"),
    ".": (" ", " ", "▀"),
    "-": ("  ", "▀▀", "  "),
}


def amount(value: Decimal) -> str:
    """An amount of money to the cent: `1,234.50`, and `−12.00` below zero."""
    text = f"{abs(value):,.2f}"
    return f"−{text}" if value.quantize(CENT) < 0 else text


def signed(value: Decimal) -> str:
    """An amount of money with its sign, as a change: `+1.50`, `−1.50`, `0.00`."""
    return f"+{amount(value)}" if value.quantize(CENT) > 0 else amount(value)


def change(now: Decimal, before: Decimal) -> str:
    """The change from `before` in per cent with two decimals: `+1.25 %`."""
    return f"{signed((now - before) / before * PER_CENT)} %"


def plain(value: Decimal) -> str:
    """A quantity or price with the decimals that it has, and no exponent."""
    return f"{value:f}"


def spark(values: Sequence[Decimal]) -> str:
    """The values as a line of blocks between their lowest and their highest."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[len(BLOCKS) // 2] * len(values)
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[int((value - low) * top / (high - low))] for value in values)


def large(text: str) -> tuple[str, ...]:
    """Digits, comma, point and minus as three rows of blocks."""
    return tuple(" ".join(_GLYPHS[sign][row] for sign in text) for row in range(GLYPH_ROWS))
