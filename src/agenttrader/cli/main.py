"""The program's entry point: `agenttrader VERB …`."""


def main() -> None:
    """Run the verb that the command line names."""
    raise SystemExit("no verb yet")
