"""Where a run's configuration lies, when a person names the run."""

from pathlib import Path

from agenttrader.model.errors import ConfigurationError

RUN = "run.toml"
"""What a run's configuration is called where nobody named it otherwise."""


def configuration_of(path: Path) -> Path:
    """The configuration's file, where `path` is that file or the run's folder. Raises ConfigurationError."""
    file = path / RUN if path.is_dir() else path
    if not file.exists():
        raise ConfigurationError(
            f"{path}: expected a run's folder (with {RUN}) or its configuration, found none; "
            "`agenttrader new FOLDER` makes one"
        )
    return file
