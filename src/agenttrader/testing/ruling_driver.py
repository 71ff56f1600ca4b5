"""An engine whose segments say what rules in them, over restarts with other configurations."""

from msgspec import structs

from agenttrader.model.authority import Act
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import StatementGiven, TightenAsked, TimeReached
from agenttrader.runtime.rule_values import said_by, waiting
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.ruling import loosening_id
from agenttrader.runtime.state import State
from agenttrader.testing.builders import MULTIPLIERS, OPEN, rules, segment, signed
from agenttrader.testing.driver import READY, Driver


def begun(made: Rules | None = None, before: Driver | None = None, *, now: Instant = OPEN) -> Driver:
    """An engine by the rules `made` in a segment of its own, after all that was recorded `before`."""
    state, chain = State(MULTIPLIERS), Chain()
    records = [] if before is None else before.records
    for sealed in records:
        state.apply(sealed)
        chain.sequence, chain.head = sealed.sequence, sealed.hash
    engine = Engine(rules() if made is None else made, state, chain)
    epoch = 1 if state.segment is None else state.segment.epoch + 1
    driver = Driver(engine, max(now, state.last_time))
    driver.records = list(records)
    said = said_by(engine.configured, state.ruling)
    driver.records += engine.start(structs.replace(segment(epoch), rules=said), driver.now).records
    return driver


def trading(made: Rules | None = None) -> Driver:
    """Such an engine one minute into the day, in a window."""
    driver = begun(made)
    driver.give(*READY)
    return driver


def day(driver: Driver, time: Instant = OPEN) -> Driver:
    """The same, with the account known and a trading day begun, without a window."""
    driver.give(*READY[:4], TimeReached(time))
    return driver


def tighten(driver: Driver, name: str, value: str) -> str:
    """A person tightens; why not, or an empty text."""
    return driver.hear(TightenAsked(name, value, "ada", "a rough day")).refusal


def loosen(driver: Driver, **says: object) -> str:
    """A person signs for what waits; why not, or an empty text."""
    engine = driver.engine
    assert engine.state.segment is not None, "a segment has begun"
    fields: dict[str, object] = {
        "about": loosening_id(waiting(engine.configured, engine.state.ruling)),
        "epoch": engine.state.segment.epoch,
        "nonce": f"loosen-{len(driver.records)}",
        "start": Instant(driver.now - 1),
        "end": Instant(driver.now + 60_000_000_000),
    }
    return driver.hear(StatementGiven(signed(Act.LOOSEN_LIMITS, **(fields | says)))).refusal
