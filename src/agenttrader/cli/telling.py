"""Lines for a person: what an agent, a stranger or a broker wrote in one draws no other."""

from agenttrader.model.plain_text import harmless


def tell(line: str) -> None:
    """Print the line and nothing else: what would move the cursor stands in it as an escape."""
    print(harmless(line))
