from pathlib import Path

import pytest

from agenttrader.app.doctor.access import Guard, Place, Status, Tried, User
from agenttrader.app.doctor.custody import Custody, judge_agent, judge_custody, judge_place
from agenttrader.app.doctor.findings import Finding, Standing

KEY = Path("/home/desk/key")
GATEWAY = User(name="desk", uid=500, gid=500, groups={500: "desk"})
AGENT = User(name="bot", uid=700, gid=700, groups={700: "bot"})


def place(
    mode: int = 0o600,
    *,
    desk: int = 0o755,
    uid: int = 500,
    guard: Guard = Guard.SECRET,
    tried: Tried | None = None,
) -> Place:
    folders = ((Path("/"), 0, 0o755), (Path("/home"), 0, 0o755), (Path("/home/desk"), 500, desk))
    above = tuple(Status(path=p, uid=u, gid=u, mode=m, is_folder=True) for p, u, m in folders)
    found = Status(path=KEY, uid=uid, gid=uid, mode=mode, is_folder=False)
    return Place(subject="key", path=KEY, guard=guard, above=above, status=found, tried=tried)


def nothing(*, fault: str = "", may_be_absent: bool = False, desk: int = 0o700) -> Place:
    return Place(
        subject="key",
        path=KEY,
        guard=Guard.CLOSED,
        above=place(desk=desk).above,
        status=None,
        fault=fault,
        may_be_absent=may_be_absent,
    )


def custody(
    gateway: User | None = GATEWAY,
    agent: User | None = AGENT,
    *,
    asked: str | None = "bot",
    places: tuple[Place, ...] = (),
    variables: tuple[tuple[str, str], ...] = (),
    person_keys: tuple[Path, ...] = (),
    trial_fault: str = "",
) -> Custody:
    return Custody(
        gateway=gateway,
        agent=agent,
        agent_asked=asked,
        places=places,
        variables=variables,
        person_keys=person_keys,
        trial_fault=trial_fault,
    )


def of(subject: str, found: Custody) -> Finding:
    (one,) = [each for each in judge_custody(found) if each.subject.startswith(subject)]
    return one


def test_all_is_well_where_it_is() -> None:
    findings = list(judge_custody(custody(places=(place(), nothing(may_be_absent=True)))))
    assert {each.standing for each in findings} == {Standing.PASS}
    assert len(findings) == 7


@pytest.mark.parametrize(
    ("bad", "found"),
    (
        (place(0o640, desk=0o700), "mode 0640"),
        (place(uid=501), "user 501"),
        (place(desk=0o777), "/home/desk can be written by others"),
        (place(0o644, guard=Guard.CLOSED), "others can read it"),
        (place(0o666, guard=Guard.UNWRITTEN), "/home/desk/key can be written by others"),
        (nothing(), "nothing there"),
        (nothing(fault="cannot be looked at: Permission denied"), "cannot be looked at: Permission denied"),
        (nothing(fault="cannot be looked at", may_be_absent=True), "cannot be looked at"),
        (nothing(may_be_absent=True, desk=0o777), "/home/desk can be written by others"),
    ),
)
def test_a_place_that_is_open_unknown_or_anothers_fails(bad: Place, found: str) -> None:
    judged = judge_place(bad, GATEWAY)
    assert (judged.standing, judged.found) == (Standing.FAIL, found)
    assert judged.advice


@pytest.mark.parametrize(
    "good",
    (
        place(0o600),
        place(0o400),
        place(uid=0),
        place(0o644, desk=0o700, guard=Guard.CLOSED),
        place(0o644, guard=Guard.UNWRITTEN),
        nothing(may_be_absent=True),
    ),
)
def test_a_place_that_is_closed_passes(good: Place) -> None:
    assert judge_place(good, GATEWAY).standing is Standing.PASS


@pytest.mark.parametrize(
    ("bad", "found"),
    (
        (place(0o604), "it can read it"),
        (place(tried=Tried(reads=True, writes=False)), "it can read it"),
        (place(tried=Tried(reads=False, writes=True)), "an access list may"),
        (place(0o646, guard=Guard.UNWRITTEN), "it can change it, by /home/desk/key"),
        (nothing(fault="cannot be looked at"), "cannot be looked at"),
        (nothing(), "nothing there"),
    ),
)
def test_what_the_agents_user_can_do_fails(bad: Place, found: str) -> None:
    judged = judge_agent(bad, AGENT)
    assert judged.standing is Standing.FAIL
    assert found in judged.found


def test_it_says_whether_it_was_tried() -> None:
    assert judge_agent(place(), AGENT).found == "none (by owners, groups and modes alone)"
    assert judge_agent(place(tried=Tried(reads=False, writes=False)), AGENT).found == "none (tried)"


@pytest.mark.parametrize(
    ("found", "standing", "said"),
    (
        (custody(), Standing.PASS, "bot"),
        (custody(agent=None, asked=None), Standing.WARN, "not named"),
        (custody(agent=None, asked="ghost"), Standing.FAIL, "no user ghost"),
        (custody(agent=GATEWAY), Standing.FAIL, "the user of the gateway"),
        (custody(gateway=None), Standing.FAIL, "no gateway's user"),
        (custody(agent=User(name="x", uid=0, gid=0, groups={0: "root"})), Standing.FAIL, "who is root"),
        (
            custody(agent=User(name="x", uid=7, gid=7, groups={7: "x", 9: "docker"})),
            Standing.FAIL,
            "x, of docker",
        ),
    ),
)
def test_the_agents_user_is_another_one(found: Custody, standing: Standing, said: str) -> None:
    judged = of("agent's user", found)
    assert judged.standing is standing
    assert said in judged.found


def test_where_they_are_one_user_it_shows_how_to_separate_them() -> None:
    assert "docs/operations.md, A user of its own" in of("agent's user", custody(agent=GATEWAY)).advice


def test_a_gateway_of_root_is_told_and_one_of_nobody_known_fails() -> None:
    root = User(name="root", uid=0, gid=0, groups={0: "root"})
    assert of("gateway's user", custody(gateway=root)).standing is Standing.WARN
    assert of("gateway's user", custody(gateway=None)).standing is Standing.FAIL


def test_secrets_of_variables_keys_of_persons_and_trials_that_fail_are_told() -> None:
    found = custody(variables=(("gateway.broker", "KEY"),), person_keys=(KEY,), trial_fault="no shell")
    assert of("secret gateway.broker", found).standing is Standing.WARN
    assert of("persons' keys", found).standing is Standing.WARN
    assert of("trial", found).standing is Standing.FAIL
