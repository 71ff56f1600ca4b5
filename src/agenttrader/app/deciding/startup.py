"""What must stand in the environment before the decision-only process starts.

The names and words are those of the market-open runbook. Nothing here has a default that would let it start.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

MODE = "AGENT_MODE"
REPOSITORY, NAME, ROLE = "agent-trader-v2", "execution-agent", "execution"
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "REPO_ID": (REPOSITORY,),
    "AGENT_NAME": (NAME,),
    "AGENT_ROLE": (ROLE,),
    MODE: ("EXECUTE", "OBSERVE", "WARMUP"),
    "EXECUTION_AGENT_ENABLED": ("true",),
    "BROKER_EXECUTION_ENABLED": ("false",),
}
"""Each must be there, and be one of these words exactly. EXECUTE means OBSERVE, and is known nowhere else."""
PERMITTED: Mapping[str, tuple[str, ...]] = {"EXECUTION_ENABLED": ("false",), "TRADING_MODE": ("paper",)}
"""Each may be absent, which means the same."""
CREDENTIALS = (
    *("APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "ALPACA_API_KEY", "ALPACA_API_KEY_ID"),
    *("ALPACA_SECRET_KEY", "ALPACA_API_SECRET", "ALPACA_API_SECRET_KEY"),
)
"""Where Alpaca's own clients, and those of others, look for a broker's keys."""


FOUND_CHARACTERS = 60
"""How much of what was found is told."""


class Refusal(Struct, frozen=True):
    """One reason why the process may not start: a variable with what is wrong, and what was found there."""

    code: str
    expected: str
    found: str

    @property
    def sentence(self) -> str:
        """The code, and what to mend."""
        return f"{self.code}: expected {self.expected}, found {self.found}"


def quoted(text: object) -> str:
    """What was found, as it may be shown."""
    return repr(str(text)[:FOUND_CHARACTERS])


def refusals_of(environment: Mapping[str, str], secrets: Iterable[str] = ()) -> tuple[Refusal, ...]:
    """Every reason why the process may not start; none where it may.

    `secrets` are further variables that hold a broker's credentials, as the configuration names them.
    """
    return (*_unsaid(environment), *_present(environment, (*CREDENTIALS, *secrets)))


def _unsaid(environment: Mapping[str, str]) -> Iterator[Refusal]:
    for name, words in (*REQUIRED.items(), *PERMITTED.items()):
        value, expected = environment.get(name), " or ".join(words)
        if value is None:
            if name in REQUIRED:
                yield Refusal(f"{name}_missing", expected, "nothing")
        elif value not in words:
            wrong = "not_false" if words == ("false",) else "mismatch"
            yield Refusal(f"{name}_{wrong}", expected, quoted(value))


def _present(environment: Mapping[str, str], names: Iterable[str]) -> Iterator[Refusal]:
    """A process that can reach the broker is not one that only decides."""
    for name in dict.fromkeys(names):
        if name in environment:
            yield Refusal(f"{name}_present", "no broker's credentials", "some")
