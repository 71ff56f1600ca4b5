"""A role as a process of its own while none of its peers is there."""

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.config import demo_template

PATIENCE_SECONDS = 30
TRIES = 1_500
"""In that time, to find where it listens."""
PROGRAM = "import sys; from agenttrader.roles.{role} import main; sys.exit(main(['--config', sys.argv[1]]))"


class LoneRole:
    """One process, with the demo's configuration and made-up secrets in a folder of its own."""

    def __init__(self, role: str, folder: Path, template: str, environment: Mapping[str, str] | None) -> None:
        numbers = itertools.count(1)
        text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', template)
        (folder / "run.toml").write_text(text)
        (folder / "secrets").mkdir()
        for place in re.findall(r'"(secrets/[\w-]+)"', text):
            (folder / place).write_text("secret")
        self._role = role
        self._announcements = Announcements(folder / "announcements")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(role=role), str(folder / "run.toml")],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    @property
    def is_announced(self) -> bool:
        """Whether it says where it listens."""
        return self._announcements.get(self._role) is not None

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of its answer, once it listens."""
        found = self._announcements.get(self._role)
        for _ in range(TRIES):
            if found is not None:
                break
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(PATIENCE_SECONDS / TRIES)
            found = self._announcements.get(self._role)
        assert found is not None, f"{self._role} does not say where it listens"
        connection = HTTPConnection(found.address, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def end(self) -> tuple[int, str]:
        """Tell it to stop, where it has not ended by itself; its exit code and its log."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Exit code and log of one that ends by itself."""
        log = self.process.communicate(timeout=PATIENCE_SECONDS)[1]
        return self.process.returncode, log


@contextmanager
def alone(
    role: str, folder: Path, template: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[LoneRole]:
    """The role by `template`, or the demo's; with our environment unless another is given."""
    started = LoneRole(role, folder, demo_template() if template is None else template, environment)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
            started.process.communicate()
