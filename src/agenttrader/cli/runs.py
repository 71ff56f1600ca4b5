"""Where a run's configuration lies, when a person names the run."""

from pathlib import Path

RUN = "run.toml"
"""What a run's configuration is called where nobody named it otherwise."""


def configuration_of(path: Path) -> Path:
    """The configuration's file, where `path` is that file or the run's folder."""
    return path / RUN if path.is_dir() else path
