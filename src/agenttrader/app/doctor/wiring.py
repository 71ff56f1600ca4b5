"""What the doctor looks at, gathered: files, users, limits, the journal. It changes nothing."""

import grp
import hashlib
import os
import pwd
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

import agenttrader
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.fence import fence_folder
from agenttrader.adapters.journal_file import journal_path, open_for_reading, refuse_network
from agenttrader.adapters.journal_heads import PRIVATE_KEY_NAME, OutsideHeads, load_public_key
from agenttrader.adapters.journal_verification import refuse_lost_records
from agenttrader.app.config import Configuration
from agenttrader.app.credential_sections import SecretSource
from agenttrader.app.doctor.access import ROOT_UID, Guard, Place, Status, Tried, User
from agenttrader.app.doctor.custody import Custody
from agenttrader.app.doctor.machine import Clocks, Machine, Stamp
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.times import SECOND

LOCK = "requirements.lock"
ANSWER_SECONDS_MAX = 3
TRIAL_SECONDS_MAX = 10
TRY = """for path do
  seen=; [ -r "$path" ] && seen=r; [ -d "$path" ] && [ -x "$path" ] && seen=r
  [ -w "$path" ] && seen="${seen}w"; echo "$seen."
done"""
"""What the agent's user is made to run: one line for each path, which says what the kernel permits."""


def custody_of(configuration: Configuration, file: Path, agent_asked: str | None) -> Custody:
    """Who keeps what of the run whose configuration is `file`."""
    agent = None if agent_asked is None else find_user(agent_asked)
    folder = configuration.folder
    person_keys, tokens = sorted(_beside(folder, "*.key")), sorted(_beside(folder, "*.token"))
    places = [*_places(configuration, file)]
    places += [place_at("a person's key", path, Guard.SECRET) for path in person_keys]
    places += [place_at("a person's token", path, Guard.SECRET) for path in tokens]
    fault = ""
    if agent is not None and agent.uid != ROOT_UID and os.geteuid() == ROOT_UID:
        places, fault = try_as(agent, places)
    return Custody(
        gateway=_owner_of_run(configuration),
        agent=agent,
        agent_asked=agent_asked,
        places=tuple(places),
        variables=tuple(
            (whose, source.variable) for whose, source in _secrets(configuration) if source.variable
        ),
        person_keys=tuple(person_keys),
        trial_fault=fault,
    )


def machine_of(configuration: Configuration) -> Machine:
    """What the machine is like, for this run."""
    store = configuration.path(configuration.store.directory)
    journal, journal_fault = _journal(configuration)
    return Machine(
        python=sys.version_info[:3],
        stamp=_stamp(Path(sys.prefix)),
        open_files=_open_files(),
        disk_bytes=_free_bytes(store),
        store_fault=_store_fault(store),
        journal=journal,
        journal_fault=journal_fault,
        clocks=_clocks(configuration.broker.address),
    )


def place_at(subject: str, path: Path, guard: Guard, *, may_be_absent: bool = False) -> Place:
    """What the file system says of the path and of every folder above it; links are followed."""
    written, resolved = path.absolute(), Path(os.path.realpath(path))
    found, fault = None, ""
    above: tuple[Status, ...] = ()
    named: tuple[Status, ...] = ()
    try:
        above = _folders_above(resolved)
        # A link in a folder that others write leads where they like.
        named = () if written == resolved else _folders_above(written)
        found = _status(resolved)
    except FileNotFoundError:
        pass
    except OSError as error:
        fault = f"cannot be looked at: {error.strerror}"
    return Place(
        subject=subject,
        path=path,
        guard=guard,
        above=above,
        named=named,
        status=found,
        fault=fault,
        may_be_absent=may_be_absent,
    )


def find_user(name: str) -> User | None:
    """The user of that name; None where this machine knows none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    numbers = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return User(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        groups={number: _group_name(number) for number in numbers},
    )


def try_as(user: User, places: Sequence[Place]) -> tuple[list[Place], str]:
    """The places with what the kernel permits to `user`, and why nobody could try, where so. Needs root."""
    there = [place for place in places if place.status is not None]
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", TRY, "sh", *(str(place.path) for place in there)],
            user=user.uid,
            group=user.gid,
            extra_groups=list(user.groups),
            cwd="/",
            env={},
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS_MAX,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return [*places], f"the trial did not run: {error}"
    lines = done.stdout.splitlines()
    if len(lines) != len(there):
        return [*places], f"the trial said {len(lines)} lines for {len(there)} places"
    seen = {
        place.path: Tried(reads="r" in line, writes="w" in line)
        for place, line in zip(there, lines, strict=True)
    }
    return [replace(place, tried=seen.get(place.path)) for place in places], ""


def broker_seconds(address: str) -> int | None:
    """The broker's time, in seconds since 1970, by the date of any answer; None where there is none."""
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.netloc, timeout=ANSWER_SECONDS_MAX)) as connection:
        try:
            # Nothing is shown and nothing asked for: a refusal has a date as well.
            connection.request("HEAD", "/")
            date = connection.getresponse().getheader("Date")
            return None if date is None else int(parsedate_to_datetime(date).timestamp())
        except (OSError, HTTPException, ValueError):
            return None


def _places(configuration: Configuration, file: Path) -> Iterator[Place]:
    path, store = configuration.path, configuration.store
    yield place_at("configuration", file, Guard.UNWRITTEN)
    for whose, source in _secrets(configuration):
        if source.file is not None:
            yield place_at(f"secret {whose}", path(source.file), Guard.SECRET)
    keys = path(store.keys_directory)
    yield place_at("journal's key folder", keys, Guard.SECRET)
    yield place_at("journal's key", keys / PRIVATE_KEY_NAME, Guard.SECRET)
    yield place_at("store", path(store.directory), Guard.CLOSED)
    heads = path(store.heads_directory)
    yield place_at("heads", heads, Guard.CLOSED)
    yield place_at("fence", fence_folder(heads), Guard.CLOSED, may_be_absent=True)
    yield place_at("agents' keys", path(configuration.gateway.agent_keys), Guard.SECRET)
    if "file" in configuration.switches.wired:
        yield place_at("file switch", path(configuration.switches.file), Guard.UNWRITTEN)
    # Who announces a venue of their own there is sent the broker's key.
    yield place_at("announcements", path(configuration.peers.announcements), Guard.CLOSED)
    yield place_at("program", Path(agenttrader.__file__).parent, Guard.UNWRITTEN)
    yield place_at("environment", Path(sys.prefix), Guard.UNWRITTEN)


def _secrets(configuration: Configuration) -> Iterator[tuple[str, SecretSource]]:
    """Every secret that a role of this run reads, by its table."""
    shown = configuration.credentials
    yield "gateway.broker", shown.gateway.broker.secret
    yield "gateway.marketdata", shown.gateway.marketdata.secret
    yield "venue.marketdata", shown.venue.marketdata.secret
    yield "kill.broker", shown.kill.broker.secret
    yield "kill.gateway", shown.kill.gateway
    if configuration.strategy.run:
        yield "strategy.gateway", shown.strategy.gateway
        yield "strategy.marketdata", shown.strategy.marketdata.secret
    if shown.marketdata is not None:
        yield "marketdata.alpaca", shown.marketdata.alpaca.secret
    if shown.exits is not None:
        yield "exits.gateway", shown.exits.gateway
        yield "exits.marketdata", shown.exits.marketdata.secret


def _beside(folder: Path, pattern: str) -> Iterator[Path]:
    """What persons may have left in the run's folder or one below; the journal's key is not a person's."""
    for found in (*folder.glob(pattern), *folder.glob(f"*/{pattern}")):
        if found.name != PRIVATE_KEY_NAME:
            yield found


def _folders_above(path: Path) -> tuple[Status, ...]:
    """Those that are there, the root first."""
    return tuple(_status(folder) for folder in reversed(path.parents) if folder.exists())


def _status(path: Path) -> Status:
    found = path.stat()
    return Status(
        path=path,
        uid=found.st_uid,
        gid=found.st_gid,
        mode=stat.S_IMODE(found.st_mode),
        is_folder=stat.S_ISDIR(found.st_mode),
    )


def _owner_of_run(configuration: Configuration) -> User | None:
    """Whose the journal's keys are: the gateway refuses to run as anybody else."""
    keys = configuration.path(configuration.store.keys_directory)
    try:
        owner = (keys if keys.exists() else configuration.folder).stat().st_uid
        return find_user(pwd.getpwuid(owner).pw_name)
    except (OSError, KeyError):
        return None


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _stamp(environment: Path) -> Stamp | None:
    """The launcher's stamp; None where it made no such environment."""
    root = environment.parent
    try:
        written = (environment / f"{LOCK}.stamp").read_text(encoding="utf-8").splitlines()
        digests = [
            hashlib.sha256((root / name).read_bytes()).hexdigest() for name in (LOCK, "pyproject.toml")
        ]
    except (OSError, UnicodeDecodeError):
        return None
    python = os.path.realpath(environment / "bin" / "python")
    return Stamp(written=tuple(written), now=(str(root), python, *digests))


def _open_files() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _free_bytes(store: Path) -> int | None:
    try:
        return shutil.disk_usage(store).free
    except OSError:
        return None


def _store_fault(store: Path) -> str:
    try:
        refuse_network(store)
    except StoreError as error:
        return str(error)
    return ""


def _journal(configuration: Configuration) -> tuple[str, str]:
    """What was verified without walking the chain, and what is wrong."""
    store, account = configuration.store, configuration.account.name
    try:
        path = journal_path(configuration.path(store.directory), account)
        key = load_public_key(configuration.path(store.keys_directory))
        with closing(open_for_reading(path)) as connection:
            heads = OutsideHeads(configuration.path(store.heads_directory), path).read()
            last = refuse_lost_records(connection, heads, account, key)
    except (StoreError, TamperingFound, OSError) as error:
        return "", str(error)
    if not last:
        return "", f"{path}: no signed head covers it"
    return f"{len(heads)} heads, the last of record {last}", ""


def _clocks(address: str | None) -> Clocks | None:
    if address is None:
        return None
    brokers = broker_seconds(address)
    return Clocks(ours=WallClock().now() // SECOND, brokers=brokers)
