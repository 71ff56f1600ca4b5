from pathlib import Path

import pytest

from agenttrader.app.kill.settings import read_settings
from agenttrader.model.errors import ConfigurationError

FENCE = '[account]\nname = "DEMO-1"\n[store]\ndirectory = "store"\nheads_directory = "heads"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


def test_the_fence_needs_an_account_and_two_folders_and_nothing_else(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, FENCE))
    assert settings.account == "DEMO-1"
    assert (settings.store, settings.heads) == (tmp_path / "store", tmp_path / "heads")


@pytest.mark.parametrize(
    ("key", "value"), (("name", "DEMO-1"), ("directory", "store"), ("heads_directory", "heads"))
)
def test_without_one_of_them_it_is_refused_and_named(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\] {key}: this key is missing"):
        read_settings(written(tmp_path, FENCE.replace(f'\n{key} = "{value}"', "")))


@pytest.mark.parametrize("name", ("SIM-1.eu", "SIM-[1]", "-1", "_1", "../SIM", "SIM 1", "Ä", "SIM-1\\n"))
def test_an_account_whose_name_files_get_wrong_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[account\] name: expected letters, digits, - and _"):
        read_settings(written(tmp_path, FENCE.replace("DEMO-1", name)))


def test_what_others_would_refuse_is_for_others_to_judge(tmp_path: Path) -> None:
    text = FENCE.replace("[store]", 'fee = true\n[store]\nkeys = "keys"') + "[limits.acount]\nx = 1.5\n"
    assert read_settings(written(tmp_path, text)).account == "DEMO-1"


def test_a_fault_elsewhere_is_met_by_what_needs_it(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, FENCE + '[switches]\nwired = ["file"]\n'))
    for read, fault in (
        (settings.switch, r"\[switches\] file: this key is missing"),
        (settings.announcements, "peers: expected a table"),
        (settings.broker, "broker: expected a table"),
        (settings.credentials, "credentials: expected a table"),
    ):
        with pytest.raises(ConfigurationError, match=fault):
            read()


def test_a_switch_that_is_not_wired_is_not_moved(tmp_path: Path) -> None:
    unwired = FENCE + '[switches]\nwired = ["store"]\nfile = "HALTED"\n'
    assert read_settings(written(tmp_path, unwired)).switch() is None
    wired = unwired.replace('["store"]', '["store", "file"]')
    assert read_settings(written(tmp_path, wired)).switch() == tmp_path / "HALTED"
