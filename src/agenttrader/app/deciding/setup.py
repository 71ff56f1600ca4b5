"""What the process is to do, from its options and its environment; or every reason why it may not start."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from agenttrader.app.config import Configuration
from agenttrader.app.deciding.startup import MODE, Refusal, quoted, refusals_of
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import exact

BEGINNING, END = "beginning", "end"
POLL_SECONDS = "0.25"
POLL_MS_MAX = 60_000
AGE_DIGITS_MAX = 6
DATA_TOLD, DATA_AGE = "MARKETDATA_LAST_TS_UTC", "MARKETDATA_STALE_THRESHOLD_S"


class Asked(Struct, frozen=True, kw_only=True):
    """The options as they were given, by word or by variable."""

    proposals: Path
    decisions: Path
    marks: Path | None
    agent: str
    start_at: str
    poll_seconds: str


class Wish(Struct, frozen=True, kw_only=True):
    """The same, understood."""

    proposals: Path
    """`-` for stdin."""
    decisions: Path
    marks: Path | None
    agent: AgentName
    """In whose name the proposals are decided: a line cannot choose."""
    at_end: bool
    poll_ms: int
    data_told: Instant | None
    data_age_seconds_max: int | None
    """None: as the configuration says."""
    mode: str

    @property
    def is_pipe(self) -> bool:
        """Whether proposals come from stdin."""
        return str(self.proposals) == "-"


def understood(asked: Asked, configuration: Configuration, environment: Mapping[str, str]) -> Wish:
    """What is wished. Raises ConfigurationError with every reason against it, by its code."""
    refusals = (
        *refusals_of(environment, _secrets(configuration)),
        *_faults(asked, configuration),
        *_faults_of_data(environment),
    )
    if refusals:
        raise ConfigurationError(
            f"{'; '.join(each.sentence for each in refusals)}. docs/deciding.md has the variables and their "
            "words; nothing was decided"
        )
    told, age = environment.get(DATA_TOLD), environment.get(DATA_AGE)
    return Wish(
        proposals=asked.proposals,
        decisions=asked.decisions,
        marks=asked.marks,
        agent=_agent(asked, configuration) or AgentName(""),
        at_end=asked.start_at == END,
        poll_ms=_ms(asked.poll_seconds) or POLL_MS_MAX,
        data_told=from_rfc3339(told) if told else None,
        data_age_seconds_max=int(age) if age else None,
        mode=environment[MODE],
    )


def _secrets(configuration: Configuration) -> Iterator[str]:
    """The variables that the configuration names for a broker's secrets."""
    credentials = configuration.credentials
    for key in (credentials.gateway.broker, credentials.kill.broker):
        if key.secret.variable is not None:
            yield key.secret.variable


def _faults(asked: Asked, configuration: Configuration) -> Iterator[Refusal]:
    if str(asked.proposals) != "-" and not asked.proposals.is_file():
        found = "a folder at " if asked.proposals.is_dir() else "no file at "
        yield Refusal("PROPOSALS_PATH_missing", "a file, or -", found + quoted(asked.proposals))
    if asked.start_at not in (BEGINNING, END):
        yield Refusal("PROPOSALS_START_AT_mismatch", f"{BEGINNING} or {END}", quoted(asked.start_at))
    if _ms(asked.poll_seconds) is None:
        expected = f"seconds above 0, {POLL_MS_MAX // 1000} at most"
        yield Refusal("PROPOSALS_POLL_INTERVAL_S_mismatch", expected, quoted(asked.poll_seconds))
    if _agent(asked, configuration) is None:
        known = " or ".join(configuration.agents) or "an agent in [agents], where there is none"
        if asked.agent:
            yield Refusal("PROPOSALS_AGENT_mismatch", known, quoted(asked.agent))
        else:
            yield Refusal("PROPOSALS_AGENT_missing", known, "nothing")


def _faults_of_data(environment: Mapping[str, str]) -> Iterator[Refusal]:
    told, age = environment.get(DATA_TOLD), environment.get(DATA_AGE)
    if told and not _is_time(told):
        yield Refusal(f"{DATA_TOLD}_mismatch", "a time such as 2026-11-20T14:31:00Z", quoted(told))
    if age and not (age.isascii() and age.isdecimal() and len(age) < AGE_DIGITS_MAX and int(age)):
        yield Refusal(f"{DATA_AGE}_mismatch", "whole seconds above 0", quoted(age))


def _agent(asked: Asked, configuration: Configuration) -> AgentName | None:
    """The agent that is named or, where none is, the only one."""
    if not asked.agent and len(configuration.agents) == 1:
        return next(iter(configuration.agents))
    return AgentName(asked.agent) if asked.agent in configuration.agents else None


def _ms(seconds: str) -> int | None:
    try:
        found = int(exact(seconds, "seconds") * 1000)
    except BadValue:
        return None
    return found if 0 < found <= POLL_MS_MAX else None


def _is_time(text: str) -> bool:
    try:
        from_rfc3339(text)
    except BadValue:
        return False
    return True
