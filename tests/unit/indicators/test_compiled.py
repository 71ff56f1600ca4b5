import gc
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
import pytest

from agenttrader.indicators import compiled as module
from agenttrader.indicators.compiled import Compiled, cache_key, compile_kernels, source_digest
from agenttrader.indicators.declaration import KERNELS
from agenttrader.model.errors import ConfigurationError

START = """
import sys
from agenttrader.indicators.compiled import compile_kernels
from agenttrader.indicators.known_answers import check
check(compile_kernels(sys.argv[1]))
"""


def test_the_cache_is_keyed_by_sources_versions_and_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key()
    assert cache_key() == before
    monkeypatch.setattr(module, "source_digest", lambda: "another text of the kernels")
    edited = cache_key()
    monkeypatch.undo()
    monkeypatch.setattr(numba, "__version__", "0.0")
    upgraded = cache_key()
    monkeypatch.undo()
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_name", lambda: "another processor")
    moved = cache_key()
    assert len({before, edited, upgraded, moved}) == 4
    assert source_digest() != before


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that two processes made that started at once on nothing; both must have worked."""
    folder = tmp_path_factory.mktemp("cache")
    command = [sys.executable, "-c", START, str(folder)]
    for process in [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]:
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, b"")
    return folder


def test_a_cache_made_by_two_processes_at_once_holds_everything_under_its_key(cache: Path) -> None:
    assert [entry.name for entry in cache.iterdir()] == [cache_key()[:16]]
    functions = {path.name.partition("-")[0] for path in cache.rglob("*.nbi")}
    loops = {"compiled._step", "compiled._bulk_1", "compiled._bulk_2", "compiled._bulk_3"}
    assert functions == loops | {f"kernels.{name}" for name in KERNELS}


def test_a_full_cache_is_read_and_not_written(cache: Path) -> None:
    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}

    config: Any = numba.config
    before = written()
    configured = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    compile_kernels(str(cache))
    assert written() == before
    assert configured == (config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES)


def test_a_cache_that_cannot_be_read_is_named_with_what_to_do(cache: Path, tmp_path: Path) -> None:
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    next(tmp_path.rglob("kernels.sma-*.nbi")).write_bytes(b"")
    with pytest.raises(ConfigurationError, match=rf"expected a folder .* found {tmp_path}.*remove it"):
        compile_kernels(str(tmp_path))


def test_a_folder_that_cannot_be_written_is_refused_and_no_other_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="expected a folder"):
        compile_kernels(str(tmp_path / "file"))


def test_the_code_lives_as_long_as_what_is_handed_out(compiled: Compiled) -> None:
    """Numba frees the code of a function that nobody holds; calling its address then ends the process."""
    assert len(compiled.code) == len(KERNELS)
    gc.collect()
    out = np.empty(3)
    compiled.in_bulk[1](
        compiled.addresses["sma"], np.zeros(5), np.array([2.0]), np.array([1.0, 2.0, 4.0]), out
    )
    assert out[1:].tolist() == [1.5, 3.0]


def test_a_loop_makes_no_number_of_an_infinite_result(compiled: Compiled) -> None:
    out = np.empty(2)
    huge = np.array([1e308, 1.0])
    compiled.in_bulk[2](compiled.addresses["multiply"], np.zeros(0), np.zeros(0), huge, huge, out)
    assert np.isnan(out[0])
    assert out[1] == 1.0
