"""The launcher at its first, later, interrupted and simultaneous starts, with a quick stand-in for uv."""

import ast
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

UV = """#!/bin/sh
echo "$*" >> "$UV_LOG"
echo "many words of uv"
sleep "${UV_SECONDS:-0}"
case "$*" in *--editable*)
    printf '#!/bin/sh\\necho "$0 $*"\\n' > .venv/bin/agenttrader
    chmod +x .venv/bin/agenttrader
esac
exit "${UV_EXIT:-0}"
"""


class Checkout:
    """A repository with the launcher and nothing to install, and a machine with nothing but Python and uv."""

    def __init__(self, root: Path, machine: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.log = machine / "uv.log"
        (machine / "bin").mkdir(parents=True)
        (machine / "home").mkdir()
        root.mkdir()
        (machine / "bin" / "uv").write_text(UV)
        (machine / "bin" / "uv").chmod(0o755)
        (machine / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
        shutil.copy(ROOT / "agenttrader", root)
        for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
            (root / name).write_text(f"# {name}\n")
        self.environment = {
            "PATH": f"{machine / 'bin'}:/usr/bin:/bin",
            "HOME": str(machine / "home"),
            "CI": "true",
            "UV_LOG": str(self.log),
        }

    def begin(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "agenttrader", *words],
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Run to the end; return the exit code, stdout and stderr."""
        process = self.begin(*words, **environment)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def installed(self) -> list[str]:
        """What uv was asked to install since the last time that somebody looked: a lock, or the package."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line.split()[-1] for line in lines]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "machine")


@pytest.fixture
def started(checkout: Checkout) -> Checkout:
    code, _, err = checkout.start()
    assert code == 0, err
    checkout.installed()
    (checkout.venv / "mark").touch()
    return checkout


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("launcher", str(ROOT / "agenttrader"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_first_start_installs_and_becomes_the_program(checkout: Checkout) -> None:
    code, out, err = checkout.start("journal", "verify", "--all")

    assert (code, out) == (0, f"{checkout.venv}/bin/agenttrader journal verify --all\n")
    assert "making .venv" in err
    assert "many words of uv" not in err
    assert checkout.installed() == ["requirements.lock", "."]


def test_a_later_start_says_and_installs_nothing(started: Checkout) -> None:
    assert started.start("demo") == (0, f"{started.venv}/bin/agenttrader demo\n", "")
    assert started.installed() == []


def test_only_the_verb_test_installs_the_tools(started: Checkout) -> None:
    code, out, _ = started.start("test", "-k", "halt")

    assert (code, out) == (0, f"{started.venv}/bin/agenttrader test -k halt\n")
    assert started.installed() == ["requirements-dev.lock"]
    started.start("test")
    assert started.installed() == []


def lose_the_interpreter(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nowhere/python3")


def lose_the_program(venv: Path) -> None:
    (venv / "bin" / "agenttrader").unlink()


def stop_before_the_stamp(venv: Path) -> None:
    (venv / "requirements.lock.stamp").unlink()


def stop_amid_the_product(venv: Path) -> None:
    (venv / "requirements.lock.stamp").write_text("")


def put_a_file_in_its_place(venv: Path) -> None:
    shutil.rmtree(venv)
    venv.touch()


def move_the_checkout(venv: Path) -> None:
    stamp = venv / "requirements.lock.stamp"
    stamp.write_text(stamp.read_text().replace(str(venv.parent), "/elsewhere"))


@pytest.mark.parametrize(
    "damage",
    (
        lose_the_interpreter,
        lose_the_program,
        stop_before_the_stamp,
        stop_amid_the_product,
        put_a_file_in_its_place,
        move_the_checkout,
    ),
)
def test_a_damaged_environment_is_made_anew(started: Checkout, damage: Callable[[Path], None]) -> None:
    damage(started.venv)

    code, out, err = started.start("demo")

    assert (code, out) == (0, f"{started.venv}/bin/agenttrader demo\n"), err
    assert not (started.venv / "mark").exists()
    assert started.installed() == ["requirements.lock", "."]


def test_tools_that_were_left_half_installed_cost_a_new_environment(started: Checkout) -> None:
    (started.venv / "requirements-dev.lock.stamp").touch()

    assert started.start("demo")[0] == 0
    assert started.installed() == []
    assert started.start("test")[0] == 0
    assert started.installed() == ["requirements.lock", ".", "requirements-dev.lock"]


@pytest.mark.parametrize("changed", ("requirements.lock", "pyproject.toml"))
def test_what_has_changed_is_installed_in_place(started: Checkout, changed: str) -> None:
    (started.root / changed).write_text("# other\n")

    assert started.start()[0] == 0
    assert started.installed() == ["requirements.lock", "."]
    assert (started.venv / "mark").exists()


@pytest.mark.parametrize("verb", ("kill", "emergency-liquidate"))
def test_what_stops_trading_waits_for_no_installation_where_there_is_a_program(
    started: Checkout, verb: str
) -> None:
    (started.root / "requirements.lock").write_text("# other\n")

    assert started.start(verb, "--confirm")[:2] == (0, f"{started.venv}/bin/agenttrader {verb} --confirm\n")
    assert started.installed() == []
    lose_the_program(started.venv)
    assert started.start(verb)[0] == 0
    assert started.installed() == ["requirements.lock", "."]


def test_of_two_first_starts_at_once_one_installs_and_both_run(checkout: Checkout) -> None:
    starts = [checkout.begin("demo", UV_SECONDS="0.3") for _ in range(2)]

    ends = [(process.communicate(timeout=30), process.returncode) for process in starts]

    assert [code for _, code in ends] == [0, 0]
    assert checkout.installed() == ["requirements.lock", "."]
    assert "waiting for it" in ends[0][0][1] + ends[1][0][1]


def test_without_an_index_it_says_so_and_the_next_start_begins_anew(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").write_text(f"nothing-of-this-name==1 --hash=sha256:{'0' * 64}\n")

    code, out, err = checkout.start("demo", UV_EXIT="1", PIP_NO_INDEX="1")

    assert (code, out) == (5, "")
    assert "many words of uv" in err
    assert "uv could not; trying pip" in err
    assert "the package index must be reachable" in err
    checkout.installed()
    assert checkout.start("demo")[0] == 0
    assert checkout.installed() == ["requirements.lock", "."]


def test_an_old_python_is_told_what_is_needed(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        launcher.CannotStart, match=r"Python 3\.11 or newer is needed.*\n.*apt-get install"
    ) as error:
        launcher.find_python()
    assert error.value.code == 2


def test_an_old_python_finds_a_newer_one_that_works(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, code in (("python3.13", 127), ("python3.12", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert launcher.find_python() == str(tmp_path / "python3.12")


def test_the_launcher_parses_on_an_old_python() -> None:
    ast.parse((ROOT / "agenttrader").read_text(), feature_version=(3, 7))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("uv", ("with uv", "without uv"))
def test_a_fresh_clone_starts(tmp_path: Path, uv: str) -> None:
    """Over the real locks and the real index; without uv this takes about half a minute."""
    if uv == "with uv" and shutil.which("uv") is None:
        pytest.skip("uv is not on PATH")
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(
        folder for folder in folders if uv == "with uv" or not (Path(folder) / "uv").exists()
    )
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)  # noqa: S607
    (tmp_path / "home").mkdir()
    result = subprocess.run(
        [tmp_path / "clone" / "agenttrader", "--help"],
        env=os.environ | {"HOME": str(tmp_path / "home"), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage: agenttrader")


def test_a_folder_that_cannot_be_written_is_named_and_python_is_not_blamed(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(launcher, "ROOT", str(tmp_path / "file"))

    with pytest.raises(
        launcher.CannotStart, match=r"file cannot be written \(.+\), and the first start"
    ) as error:
        launcher.make_environment()
    assert error.value.code == 2
    assert "python3-venv" not in str(error.value)
