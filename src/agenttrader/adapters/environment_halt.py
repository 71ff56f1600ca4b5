"""The halt switch that is the variable EXECUTION_HALTED, as it stood when the process started."""

from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import StoreError


class EnvironmentHalt:
    """The value that the variable had at the start; None where it was not set. Implements `HaltSwitch`.

    A process's environment cannot be changed from outside, so this switch stands as it is until the next
    start.
    """

    name = "environment"
    """What operators and configuration call it."""

    is_movable = False
    """A process's environment stands as it was at the start."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def read(self) -> SwitchReading:
        """ACTIVE where the value was exactly 0; everything else is HALTED, and why."""
        state = TradingState.ACTIVE if self._value == "0" else TradingState.HALTED
        if self._value in ("0", "1"):
            reason = f"EXECUTION_HALTED was {self._value} at the start"
        else:
            found = "none" if self._value is None else repr(self._value)
            reason = f"expected 0 or 1 in EXECUTION_HALTED at the start, found {found}"
        return SwitchReading(name=self.name, state=state, reason=reason)

    def move(self, *, halted: bool, reason: str) -> None:
        """Nothing where it stands so already. Raises StoreError otherwise: only a new start can move it."""
        if halted != (self.read().state is TradingState.HALTED):
            wanted = "1" if halted else "0"
            raise StoreError(
                f"EXECUTION_HALTED: expected to set it to {wanted} ({reason}), found a variable that is read "
                f"at the start only. Start the process again with EXECUTION_HALTED={wanted}"
            )
