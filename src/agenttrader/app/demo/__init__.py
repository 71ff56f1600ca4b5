"""The demo: one paper trading day, played by the real processes, from a generated market to a report."""
