"""The engine, `handle(input) -> records, sends`, and the shells that drive it."""
