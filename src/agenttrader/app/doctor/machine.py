"""What must hold of the machine and of the configuration around a run. Pure."""

from collections.abc import Iterator
from ipaddress import ip_address

from msgspec import Struct

from agenttrader.app.config import Configuration
from agenttrader.app.doctor.findings import Finding, judged, passed, warned

PYTHON_OLDEST = (3, 11)
OPEN_FILES_MIN = 1024
"""Each client, stream and file takes one."""
DISK_BYTES_MIN = 1 << 30
"""A busy day's journal is some tens of MB; where the disk is full, nothing that adds risk leaves."""
BROKER_SECONDS_MAX = 2
"""How far the wall clock may be from the broker's: its answers name whole seconds."""


class Stamp(Struct, frozen=True, kw_only=True):
    """What the launcher wrote when it had installed everything, and what it would write now."""

    written: tuple[str, ...]
    now: tuple[str, ...]


class Clocks(Struct, frozen=True, kw_only=True):
    """Seconds since 1970, by this machine and by the broker; None where the broker did not answer."""

    ours: int
    brokers: int | None


class Machine(Struct, frozen=True, kw_only=True):
    """What was found. None is what could not be learned."""

    python: tuple[int, int, int]
    stamp: Stamp | None
    open_files: int | None
    disk_bytes: int | None
    """Free where the store lies."""
    store_fault: str
    """Why the store may not lie where it does; empty where it may."""
    journal: str
    """What was verified, in words; empty where it was not."""
    journal_fault: str
    clocks: Clocks | None
    """None where the account is simulated: it goes by the data's time."""


def judge_machine(found: Machine) -> Iterator[Finding]:
    """One finding for each thing of the machine."""
    yield judged(
        "Python",
        f"{'.'.join(map(str, PYTHON_OLDEST))} or newer",
        ".".join(map(str, found.python)),
        "install a newer one, and start ./agenttrader again",
        holds=found.python[:2] >= PYTHON_OLDEST,
    )
    yield _stamp(found.stamp)
    yield _at_least(
        "open files", found.open_files, OPEN_FILES_MIN, "ulimit -n 4096, or LimitNOFILE= of the unit"
    )
    yield _at_least("disk, free bytes at the store", found.disk_bytes, DISK_BYTES_MIN, "make room there")
    yield judged(
        "store's file system",
        "a disk of this machine",
        found.store_fault or "one",
        "put the store on a local disk",
        holds=not found.store_fault,
    )
    yield judged(
        "journal",
        "its signed heads to name what it holds",
        found.journal_fault or found.journal or "nobody looked",
        "agenttrader journal verify FOLDER says more; start the run once where there is none yet",
        holds=bool(found.journal) and not found.journal_fault,
    )
    yield _clock(found.clocks)


def judge_configuration(configuration: Configuration) -> Iterator[Finding]:
    """Who listens where, and who watches."""
    for name, address in _listens(configuration):
        yield judged(
            f"address of {name}",
            "loopback alone",
            address,
            'listen = "127.0.0.1:PORT" in its section',
            holds=_is_loopback(address),
        )
    yield _unit(
        "exits unit",
        configuration.exits is not None,
        "add [exits] and [credentials.exits]: what is held has no protection but what rests at the broker",
    )
    yield _unit(
        "sentinel",
        configuration.sentinel is not None,
        "add [sentinel]: nobody watches the gateway from outside, and a silent one keeps its entries",
    )
    wired = configuration.switches.wired
    yield judged(
        "switches",
        "the store, and one that stops a gateway which does not answer",
        ", ".join(wired),
        'wired = ["store", "file"] in [switches]',
        holds=bool({"file", "configmap"} & set(wired)),
    )


def _unit(name: str, is_there: bool, advice: str) -> Finding:  # noqa: FBT001  it is what is judged
    if is_there:
        return passed(name, "configured", "it is")
    return warned(name, "configured", "none", advice)


def _listens(configuration: Configuration) -> Iterator[tuple[str, str]]:
    yield "gateway", configuration.gateway.listen
    yield "venue", configuration.venue.listen
    yield "marketdata", configuration.marketdata.listen
    yield "strategy", configuration.strategy.listen
    if configuration.exits is not None:
        yield "exits", configuration.exits.listen
    if configuration.sentinel is not None:
        yield "sentinel", configuration.sentinel.listen
    if configuration.venue.faults is not None:
        yield "venue.faults", configuration.venue.faults.listen


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _at_least(subject: str, found: int | None, least: int, advice: str) -> Finding:
    said = "nobody could tell" if found is None else f"{found}"
    return judged(subject, f"at least {least}", said, advice, holds=found is not None and found >= least)


def _stamp(stamp: Stamp | None) -> Finding:
    expected = "what the locks name, installed by the launcher"
    if stamp is None:
        return warned(
            "installation",
            expected,
            "no stamp, so nobody knows that what runs is what the locks name",
            "start ./agenttrader of the repository: it checks every hash",
        )
    return judged(
        "installation",
        expected,
        "the stamp of these locks"
        if stamp.written == stamp.now
        else "the stamp of other locks, or of a moved folder",
        "start ./agenttrader once: it installs what has changed",
        holds=stamp.written == stamp.now,
    )


def _clock(clocks: Clocks | None) -> Finding:
    expected = f"within {BROKER_SECONDS_MAX} s of the broker's"
    if clocks is None:
        return passed("clock", expected, "a simulated account, which goes by the data's time")
    if clocks.brokers is None:
        return warned(
            "clock", expected, "the broker does not answer", "see that it can be reached, and ask again"
        )
    apart = clocks.ours - clocks.brokers
    return judged(
        "clock",
        expected,
        f"{abs(apart)} s {'ahead' if apart > 0 else 'behind' if apart < 0 else 'apart'}",
        "let chrony or systemd-timesyncd set the clock",
        holds=abs(apart) <= BROKER_SECONDS_MAX,
    )
