"""What every kind of event that the journal can hold is made of, whichever module says it."""

from msgspec import Struct


class Fact(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A fact that is recorded: closed, never changed, and its versioned kind stands in it."""
