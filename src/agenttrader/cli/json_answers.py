"""What a verb answers to programs: one JSON object on stdout."""

from typing import Any


def print_json(values: dict[str, Any]) -> None:
    """One object on one line."""
    import msgspec

    print(msgspec.json.encode(values, enc_hook=str).decode())


def builtins_of(struct: Any) -> Any:
    """The struct as plain values."""
    import msgspec

    return msgspec.to_builtins(struct)
