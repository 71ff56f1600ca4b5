"""What must hold of the places that a run lives by, and of the users around them. Pure."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from agenttrader.app.doctor.access import ROOT_UID, Guard, Place, User, reads, replaces
from agenttrader.app.doctor.findings import Finding, failed, judged, passed, warned

POWERFUL_GROUPS = frozenset(("admin", "disk", "docker", "kmem", "libvirt", "lxd", "shadow", "sudo", "wheel"))
"""Whose members become root, or read what root reads."""
SEPARATE = "give each a user of its own (docs/operations.md, A user of its own)"


class Custody(Struct, frozen=True, kw_only=True):
    """Who keeps what, as it was found."""

    gateway: User | None
    """Whose the run is; None where nobody knows."""
    agent: User | None
    agent_asked: str | None
    """The name that was given for the agent's user; None where none was."""
    places: tuple[Place, ...]
    variables: tuple[tuple[str, str], ...]
    """Secrets that come by an environment variable: whose, and its name."""
    person_keys: tuple[Path, ...]
    """Keys of persons that lie in the run's folder."""
    trial_fault: str = ""
    """Why the agent's user could not be tried, where it should have been."""


def judge_custody(custody: Custody) -> Iterator[Finding]:
    """Users first, then each place."""
    yield _gateway(custody.gateway)
    yield _agent(custody)
    for place in custody.places:
        yield judge_place(place, custody.gateway)
    if custody.agent is not None:
        if custody.trial_fault:
            yield failed(
                "trial", f"to try as {custody.agent.name}", custody.trial_fault, "mend it, and ask again"
            )
        for place in custody.places:
            yield judge_agent(place, custody.agent)
    yield from _variables(custody.variables)
    yield _person_keys(custody.person_keys)


def judge_place(place: Place, gateway: User | None) -> Finding:
    """Whether it is there, the gateway's own, and closed to everybody else."""
    subject, found = f"{place.subject} {place.path}", place.status
    expected = _EXPECTED[place.guard]
    if _is_unknown(place):
        said = place.fault or "nothing there"
        advice = "where it is not made yet: start the run once; else run the doctor as the run's own user"
        return failed(subject, expected, said, advice)
    trusted = {ROOT_UID} if gateway is None else {ROOT_UID, gateway.uid}
    for status in (*place.named, *place.above, *(() if found is None else (found,))):
        if status.uid not in trusted:
            return failed(
                subject,
                f"{status.path} to belong to root or the gateway's user",
                f"user {status.uid}",
                f"chown {_name(gateway)}: {status.path}",
            )
    if found is not None and place.guard is Guard.SECRET and found.mode & 0o077:
        advice = f"chmod go= {place.path}; if somebody may have read it: another key"
        return failed(subject, expected, f"mode {found.mode:04o}", advice)
    opened = replaces(place, None)
    if opened is not None:
        return failed(subject, expected, f"{opened} can be written by others", f"chmod go-w {opened}")
    if place.guard is not Guard.UNWRITTEN and reads(place, None):
        return failed(subject, expected, "others can read it", f"chmod go= {place.path}")
    return passed(subject, expected, "none" if found is None else f"user {found.uid}, mode {found.mode:04o}")


def judge_agent(place: Place, agent: User) -> Finding:
    """Whether the agent's user is kept from it, by what was computed and by what was tried."""
    subject = f"{agent.name} at {place.subject} {place.path}"
    may_read = place.guard is Guard.UNWRITTEN
    expected = "no change by it" if may_read else "neither sight nor change by it"
    if _is_unknown(place):
        return failed(
            subject, expected, place.fault or "nothing there", "see what is said of the place itself"
        )
    can = []
    if not may_read and (reads(place, agent) or (place.tried and place.tried.reads)):
        can.append("it can read it")
    if (through := replaces(place, agent)) is not None:
        can.append(f"it can change it, by {through}")
    elif place.tried and place.tried.writes:
        can.append("it can change it: the modes do not say so, an access list may")
    means = "by owners, groups and modes alone" if place.tried is None else "tried"
    return judged(
        subject,
        expected,
        " and ".join(can) if can else f"none ({means})",
        f"chown and chmod what is named; {SEPARATE}",
        holds=not can,
    )


def _is_unknown(place: Place) -> bool:
    return place.status is None and (bool(place.fault) or not place.may_be_absent)


_EXPECTED = {
    Guard.SECRET: "its owner's alone, by its own mode",
    Guard.CLOSED: "nobody else to reach it",
    Guard.UNWRITTEN: "nobody else to change it",
}


def _gateway(user: User | None) -> Finding:
    expected = "a user of its own, not root"
    if user is None:
        return failed("gateway's user", expected, "nobody knows whose the run is", "run the doctor as root")
    if user.uid == ROOT_UID:
        return warned(
            "gateway's user", expected, "root", f"{SEPARATE}: a fault in it is then not one of root's"
        )
    return passed("gateway's user", expected, user.name)


def _agent(custody: Custody) -> Finding:
    agent, gateway = custody.agent, custody.gateway
    expected = "another user than the gateway's, without a group that makes it root"
    if custody.agent_asked is None:
        return warned(
            "agent's user",
            expected,
            "not named, so it is taken for the gateway's own, which reads every key here",
            f"name it with --agent-user; where agent and gateway are one user, {SEPARATE}",
        )
    if agent is None or gateway is None:
        found = f"no user {custody.agent_asked} on this machine" if agent is None else "no gateway's user"
        return failed("agent's user", expected, found, "name a user that `getent passwd` knows")
    if agent.uid in (ROOT_UID, gateway.uid):
        found = f"{agent.name}, who is {'root' if agent.uid == ROOT_UID else 'the user of the gateway'}"
        return failed("agent's user", expected, f"{found}: it reads every key here", SEPARATE)
    powerful = sorted(POWERFUL_GROUPS & set(agent.groups.values()))
    if powerful:
        advice = f"gpasswd --delete {agent.name} GROUP"
        return failed("agent's user", expected, f"{agent.name}, of {', '.join(powerful)}", advice)
    return passed("agent's user", expected, agent.name)


def _variables(variables: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    for whose, name in variables:
        yield warned(
            f"secret {whose}",
            "a file, whose owner and mode can be looked at",
            f"the variable {name}, which every process of the same user reads",
            "keep it in a file of mode 0600, and name that",
        )


def _person_keys(keys: tuple[Path, ...]) -> Finding:
    expected = "no person's key beside the gateway"
    if not keys:
        return passed("persons' keys", expected, "none in the run's folder; nobody looked elsewhere")
    return warned(
        "persons' keys",
        expected,
        ", ".join(str(key) for key in keys),
        "keep them with a user, or on a machine, that runs neither gateway nor agent; only the passphrase "
        "stands before them here",
    )


def _name(user: User | None) -> str:
    return "root" if user is None else user.name
