"""Making a run: a folder with a configuration of its own, throw-away keys, and a halt switch that halts.

Everything in it is made for one run. The person's key never leaves this process; the other secrets lie in
files for their owner alone, and the configuration holds only their hashes. Where a run has several days they
share all of it but the configuration, of which each day has its own in the same place.
"""

import contextlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from agenttrader.app.config import HOME_VARIABLE, Configuration, demo_template, load
from agenttrader.app.demo.casting import Cast, cast_generated, cast_recorded, forgo_exits
from agenttrader.app.sections import EXITS
from agenttrader.app.template import Place, Value, fill
from agenttrader.app.throwaway import Throwaway, write_private
from agenttrader.model.authority import Statement
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import AgentName, PersonName, Symbol
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant, rfc3339
from agenttrader.simulation.overnight import Overnight, Split
from agenttrader.simulation.recorded import RecordedDay

ROLES = ("venue", "marketdata", "gateway", "exits", "strategy")
"""The processes of a run, in the order in which they are started unless told otherwise."""
STOP_ORDER = ("strategy", "exits", "gateway", "venue", "marketdata")
"""What adds risk stops first, then what protects; what others still need stops last."""

PERSON = PersonName("demo")
VISITOR = AgentName("visitor")
KEEPER = AgentName("keeper")
SHOW_KEY = "demo-show"
CONFIGURATION = "run.toml"
KEPT = "configurations"
"""Where a run of several days keeps the configuration of each: the journal names the digests of all."""


class Asked(Struct, frozen=True, kw_only=True):
    """Recorded sessions as a person asks for them; None is what is to be picked."""

    folder: Path
    symbol: str | None
    day: str | None
    last: str | None
    """None for one session, else up to which they are played, one after the other."""


class Chosen(Struct, frozen=True, kw_only=True):
    """A recorded session, by the folder that its files lie in."""

    folder: Path
    symbol: Symbol
    day: str
    picked: str = ""
    """What of it nobody asked for, and so was picked, as a sentence."""


class Wish(Struct, frozen=True, kw_only=True):
    """What day a person would like to see, and how. None is as the template has it.

    `seed` and `date` are a generated day's; a day that is `recorded` has none.
    """

    seed: int | None = None
    date: str | None = None
    recorded: Chosen | None = None
    holds: bool = False
    """Whether an agent of the demo buys at the beginning of the run and holds to its end."""
    speed: int | Literal["max"] | None = None
    inbox: Literal["watermark", "arrival"] = "watermark"
    order: tuple[str, ...] = ROLES


class Person(Struct, frozen=True, kw_only=True):
    """A throw-away person: the public half of the key, and the pen."""

    public_key: str
    sign: Callable[[Statement], str]


class Maker(Struct, frozen=True, kw_only=True):
    """What of the outside world a run is made with."""

    person: Callable[[], Person]
    token: Callable[[], Secret]
    keep_agent_keys: Callable[[Path, Mapping[AgentName, Secret]], None]
    """Write the file of the agents' keys, as the gateway reads it."""
    session: Callable[[str, str], Session]
    """The session of an exchange on a day. Raises BadValue where there is none."""
    recorded: Callable[[Path, str, str, str], RecordedDay]
    """The recorded day of folder, symbol, day and exchange. Raises BadValue where there is none."""


class Keeping(Struct, frozen=True, kw_only=True):
    """What the keeper does on a day of the run."""

    key: Secret
    symbol: Symbol
    quantity: Decimal
    buys: bool
    """On the first day."""
    sells: bool
    """On the last one."""


class Run(Struct, frozen=True, kw_only=True):
    """A day that is ready to be played, alone or as one of several."""

    folder: Path
    path: Path
    """The configuration file, which every role is given."""
    text: str
    """What must stand in it on this day; see `lay_out`."""
    configuration: Configuration
    session: Session
    visited: Symbol
    """The visitor's. The exchange halts it for some minutes; on a recorded day nothing is told of it."""
    price: Decimal
    """What the visitor's first order is measured by."""
    recorded: RecordedDay | None
    """None for a generated day."""
    picked: str
    split: Split | None
    """What the venue makes in the night before this day; supposed, from the prices."""
    keeping: Keeping | None
    order: tuple[str, ...]
    person: Person
    operator: Secret
    """The person's token: to look, halt and close."""
    visitor: Secret
    market: Credential

    @property
    def stop_order(self) -> tuple[str, ...]:
        """In which order its roles are stopped."""
        return tuple(role for role in STOP_ORDER if role in self.order)


def prepare(home: Path, wish: Wish, maker: Maker, now: Instant) -> Run:
    """Make the folder of a new run under `home`. Raises BadValue for a wish that cannot be had."""
    (run,) = prepare_days(home, (wish,), maker, now)
    return run


def prepare_days(home: Path, wishes: Sequence[Wish], maker: Maker, now: Instant) -> tuple[Run, ...]:
    """Make the folder of a new run of several days; the first lies ready in it.

    Raises BadValue, before anything is made, for what cannot be had: a night of which nobody knows what
    became of a position, too.
    """
    first, *_ = wishes
    if sorted(first.order) != sorted(ROLES):
        raise BadValue(f"--order: expected each of {', '.join(ROLES)} once, found {', '.join(first.order)}")
    casts = _casts(wishes, maker)
    tables = tomllib.loads(casts[0].template)
    person = maker.person()
    throwaway = Throwaway(tables, maker.token)
    folder = _new_folder(home / "demo", f"{_stamp(now)}-{casts[0].label}")
    runs = tuple(
        msgspec.structs.replace(
            _run(folder, wish, cast, person, throwaway),
            split=cast.recorded.split if number and cast.recorded else None,
            keeping=_keeping(wish, casts, number, throwaway),
        )
        for number, (wish, cast) in enumerate(zip(wishes, casts, strict=True))
    )
    lay_out(runs[0])
    if len(runs) > 1:
        for run in runs:
            write_private(folder / KEPT / f"{run.session.date}.toml", run.text)
    configuration = runs[0].configuration
    write_private(configuration.path(configuration.switches.file), "1\n")
    for place, secret in throwaway.files().items():
        write_private(folder / place, f"{secret.reveal()}\n")
    maker.keep_agent_keys(configuration.path(configuration.gateway.agent_keys), throwaway.agents)
    return runs


def lay_out(run: Run) -> None:
    """Put the day's configuration where the roles look for it; the roles of another day must have stopped."""
    run.path.write_text(run.text, encoding="utf-8")


def _run(folder: Path, wish: Wish, cast: Cast, person: Person, throwaway: Throwaway) -> Run:
    """The day, alone."""
    values: dict[Place, Value] = {
        ("marketdata", "date"): cast.session.date,
        ("gateway", "inbox"): wish.inbox,
        ("strategy", "inbox"): wish.inbox,
        ("people.demo", "public_key"): person.public_key,
        **cast.values,
        **throwaway.hashes(),
    }
    if wish.speed is not None:
        values["marketdata", "speed"] = wish.speed
    text = fill(cast.template, values)
    path = folder / CONFIGURATION
    path.write_text(text, encoding="utf-8")
    configuration = load(path, environment={})
    return Run(
        folder=folder,
        path=path,
        text=text,
        configuration=configuration,
        session=cast.session,
        visited=cast.visited,
        price=cast.price,
        recorded=cast.recorded,
        picked=wish.recorded.picked if wish.recorded else "",
        split=None,
        keeping=None,
        order=tuple(role for role in wish.order if role != EXITS or configuration.exits is not None),
        person=person,
        operator=throwaway.people[PERSON],
        visitor=throwaway.agents[VISITOR],
        market=Credential(key_id=SHOW_KEY, secret=throwaway.keys[SHOW_KEY]),
    )


def _keeping(wish: Wish, casts: Sequence[Cast], number: int, throwaway: Throwaway) -> Keeping | None:
    if not wish.holds or casts[0].recorded is None:
        return None
    (symbol,) = casts[0].recorded.day.symbols
    return Keeping(
        key=throwaway.agents[KEEPER],
        symbol=symbol,
        quantity=casts[0].size,
        buys=number == 0,
        sells=number == len(casts) - 1,
    )


def _casts(wishes: Sequence[Wish], maker: Maker) -> list[Cast]:
    template = demo_template()
    tables = tomllib.loads(template)
    if any(wish.recorded is None for wish in wishes):
        return [_cast_generated(template, tables, wish, maker) for wish in wishes]
    days = _recorded_days(wishes, tables["environment"]["calendar"], maker)
    nights = {day.day.session.date: _night_before(day) for _, day in days[1:]}
    splits = {date: split for date, split in nights.items() if split is not None}
    if splits and wishes[0].holds:
        template = forgo_exits(template)
    return [
        cast_recorded(
            template,
            tables,
            str(folder),
            day,
            keeps=wishes[0].holds,
            splits={date: split for date, split in splits.items() if date <= day.day.session.date},
        )
        for folder, day in days
    ]


def _recorded_days(wishes: Sequence[Wish], calendar: str, maker: Maker) -> list[tuple[Path, RecordedDay]]:
    chosen = [wish.recorded for wish in wishes if wish.recorded is not None]
    return [(each.folder, maker.recorded(each.folder, each.symbol, each.day, calendar)) for each in chosen]


def _cast_generated(template: str, tables: Mapping[str, Any], wish: Wish, maker: Maker) -> Cast:
    market = tables["marketdata"]
    session = maker.session(tables["environment"]["calendar"], wish.date or market["date"])
    return cast_generated(
        template, tables, session, market["prices"]["seed"] if wish.seed is None else wish.seed
    )


def _night_before(day: RecordedDay) -> Split | None:
    """The split of the night before a day to which positions are carried. Raises BadValue."""
    before = day.found.previous_close
    if before.rule in (Overnight.TOO_FAR, Overnight.NOT_RECORDED):
        raise BadValue(
            f"--to: expected to know what becomes of a position in the night before {day.found.day}, found "
            f"that by rule {before.rule.value} nobody does: {before.sentence}; play the days up to "
            f"{before.date}, and those from {day.found.day} on, each as a run of its own"
        )
    return day.split


def _new_folder(parent: Path, name: str) -> Path:
    """A new folder, for its owner alone; the second run of one second gets a number."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 100):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder
    except OSError as error:
        raise ConfigurationError(
            f"{parent}: expected to make the run's folder there, found: {error.strerror}; "
            f"name a folder that you may write by {HOME_VARIABLE}"
        ) from error
    raise ConfigurationError(f"{parent}: expected room for a run named {name}, found a hundred; remove some")


def _stamp(now: Instant) -> str:
    return rfc3339(Instant(now - now % 1_000_000_000)).replace("-", "").replace(":", "")
