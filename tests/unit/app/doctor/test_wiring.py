import os
import pwd
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import time

import pytest

from agenttrader.app.doctor.access import Guard, User
from agenttrader.app.doctor.wiring import broker_seconds, find_user, place_at, try_as


def test_what_is_not_there_has_no_status_and_the_folders_above_it_have(tmp_path: Path) -> None:
    found = place_at("key", tmp_path / "none" / "key", Guard.SECRET)
    assert (found.status, found.fault) == (None, "")
    assert found.above[-1].path == tmp_path
    assert found.above[0].path == Path("/")


def test_a_link_is_followed_and_the_folders_of_its_name_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "key").write_text("secret")
    (tmp_path / "named").mkdir(mode=0o777)
    (tmp_path / "named" / "key").symlink_to(tmp_path / "real" / "key")
    found = place_at("key", tmp_path / "named" / "key", Guard.SECRET)
    assert found.status is not None
    assert found.status.path == tmp_path / "real" / "key"
    assert found.above[-1].path == tmp_path / "real"
    assert found.named[-1].path == tmp_path / "named"


def test_what_cannot_be_looked_at_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be looked at" in place_at("key", tmp_path / "loop" / "key", Guard.SECRET).fault


def test_a_user_is_known_with_all_groups_and_a_stranger_is_not() -> None:
    me = pwd.getpwuid(os.geteuid())
    found = find_user(me.pw_name)
    assert found is not None
    assert (found.uid, found.gid) == (me.pw_uid, me.pw_gid)
    assert me.pw_gid in found.groups
    assert find_user("nobody-of-that-name") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user who is not root")
def test_who_is_not_root_is_told_that_nobody_tried(tmp_path: Path) -> None:
    agent = User(name="nobody", uid=65534, gid=65534, groups={65534: "nogroup"})
    places, fault = try_as(agent, [place_at("key", tmp_path, Guard.SECRET)])
    assert "the trial did not run" in fault
    assert places[0].tried is None


class _Dated(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def dated() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Dated) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_brokers_time_is_that_of_any_answer(dated: str) -> None:
    found = broker_seconds(dated)
    assert found is not None
    assert abs(found - time()) < 5


def test_a_broker_that_does_not_answer_has_no_time() -> None:
    assert broker_seconds("http://127.0.0.1:1") is None
