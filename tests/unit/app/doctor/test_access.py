import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrader.app.doctor.access import Guard, Place, Status, User, reads, replaces
from agenttrader.app.doctor.wiring import place_at, try_as

NOBODY = 65534
GROUP = 4242


def user(uid: int, *groups: int) -> User:
    return User(name="bot", uid=uid, gid=uid, groups={each: str(each) for each in (uid, *groups)})


def place(*line: tuple[int, int, int]) -> Place:
    """A path by (owner, group, mode) from the root down; the last is the file."""
    paths = [Path("/", *"abcdefgh"[:depth]) for depth in range(len(line))]
    found = [
        Status(path=path, uid=uid, gid=gid, mode=mode, is_folder=path != paths[-1])
        for path, (uid, gid, mode) in zip(paths, line, strict=True)
    ]
    *above, last = found
    return Place(subject="key", path=last.path, guard=Guard.SECRET, above=tuple(above), status=last)


ROOT = (0, 0, 0o755)
CLOSED = (500, 500, 0o700)
OPEN = (500, 500, 0o755)


@pytest.mark.parametrize(
    ("path", "can_read"),
    (
        (place(ROOT, OPEN, (500, 500, 0o600)), False),
        (place(ROOT, OPEN, (500, 500, 0o644)), True),
        (place(ROOT, OPEN, (500, GROUP, 0o640)), True),
        (place(ROOT, OPEN, (500, 500, 0o640)), False),
        # The group's bits are the group's: what others may, it may not.
        (place(ROOT, OPEN, (500, GROUP, 0o604)), False),
        (place(ROOT, CLOSED, (500, 500, 0o666)), False),
        (place(ROOT, CLOSED, (700, 700, 0o600)), False),
        (place(ROOT, OPEN, (700, 700, 0o600)), True),
        # To enter is enough: names are no secret.
        (place(ROOT, (500, 500, 0o711), (500, 500, 0o644)), True),
    ),
)
def test_who_reads_has_every_folder_on_the_way(path: Place, can_read: bool) -> None:  # noqa: FBT001
    assert reads(path, user(700, GROUP)) is can_read


def test_a_folder_that_can_be_entered_is_read() -> None:
    found = place(ROOT, OPEN, (500, 500, 0o711))
    assert found.status is not None
    folder = Status(path=found.path, uid=500, gid=500, mode=0o711, is_folder=True)
    opened = Place(subject="", path=found.path, guard=Guard.CLOSED, above=found.above, status=folder)
    assert reads(opened, user(700))


@pytest.mark.parametrize(
    ("path", "through"),
    (
        (place(ROOT, OPEN, (500, 500, 0o600)), None),
        (place(ROOT, OPEN, (500, 500, 0o622)), "/a/b"),
        (place(ROOT, (500, 500, 0o777), (500, 500, 0o600)), "/a"),
        (place(ROOT, (700, 700, 0o755), (500, 500, 0o600)), "/a"),
        (place(ROOT, (0, 0, 0o1777), (500, 500, 0o600)), None),
        (place(ROOT, (0, 0, 0o1777), (700, 700, 0o600)), "/a"),
        (place(ROOT, CLOSED, (500, 500, 0o777), (500, 500, 0o666)), None),
    ),
)
def test_who_writes_a_folder_above_replaces_what_is_in_it(path: Place, through: str | None) -> None:
    found = replaces(path, user(700))
    assert (None if found is None else str(found)) == through


def test_anybody_else_has_the_groups_bits_and_the_others() -> None:
    assert reads(place(ROOT, OPEN, (500, 500, 0o640)), None)
    assert replaces(place(ROOT, OPEN, (500, 500, 0o620)), None)
    assert not reads(place(ROOT, OPEN, (500, 500, 0o600)), None)


def test_root_reads_everything() -> None:
    assert reads(place(ROOT, CLOSED, (500, 500, 0)), user(0))


def test_a_link_in_a_folder_that_others_write_is_theirs() -> None:
    found = place(ROOT, OPEN, (500, 500, 0o600))
    shared = Status(path=Path("/shared"), uid=0, gid=0, mode=0o777, is_folder=True)
    linked = Place(
        subject="",
        path=found.path,
        guard=found.guard,
        above=found.above,
        status=found.status,
        named=(shared,),
    )
    assert str(replaces(linked, user(700))) == "/shared"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user of this machine enters: pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it tries as another user")
def test_the_kernel_says_the_same(public: Path) -> None:
    agent = User(name="nobody", uid=NOBODY, gid=NOBODY, groups={NOBODY: "nogroup", GROUP: "4242"})
    chance = random.Random(7)
    places = []
    for number in range(300):
        folder, file = public / str(number), public / str(number) / "file"
        folder.mkdir()
        file.write_text("secret")
        for path in (file, folder):
            os.chown(path, chance.choice((0, 0, NOBODY)), chance.choice((0, NOBODY, GROUP)))
            path.chmod(chance.choice((0o000, 0o600, 0o640, 0o644, 0o700, 0o710, 0o711, 0o750, 0o755, 0o777)))
        places += [place_at("", file, Guard.SECRET), place_at("", folder, Guard.SECRET)]
    tried, fault = try_as(agent, places)
    assert not fault
    for found in tried:
        assert found.tried is not None
        assert found.tried.reads is reads(found, agent), found
        # What can be written can be replaced; that an owner could give themselves leave is known to us alone.
        assert not found.tried.writes or replaces(found, agent), found
    assert {found.tried.reads for found in tried if found.tried} == {True, False}
