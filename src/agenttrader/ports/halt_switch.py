"""A wired halt switch outside the store: a file, a variable, a cluster's ConfigMap."""

from typing import Protocol, runtime_checkable

from agenttrader.model.decisions import SwitchReading


class HaltSwitch(Protocol):
    """One wired switch."""

    @property
    def name(self) -> str:
        """What operators call it."""
        ...

    @property
    def is_movable(self) -> bool:
        """Whether opening and closing a window move it; one that is not is moved by its own means alone."""
        ...

    def read(self) -> SwitchReading:
        """The switch as it stands now. Never raises: what cannot be read is HALTED."""
        ...

    def move(self, *, halted: bool, reason: str) -> None:
        """Set the switch to 1 (halted) or 0, durably; StoreError if it cannot be, or does not read back."""
        ...


@runtime_checkable
class FollowedSwitch(HaltSwitch, Protocol):
    """A switch that hears of itself by work of its own, and reads as it was last heard."""

    async def follow(self) -> None:
        """Hear until canceled."""
        ...
