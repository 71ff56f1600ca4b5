from pathlib import Path

import pytest

from agenttrader.app.kill.settings import read_settings
from agenttrader.model.errors import ConfigurationError

ROOT = Path(__file__).parents[4]
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


@pytest.mark.parametrize("fault", ("[limits\n", "[limits]\nx = \n", "[limits.a]\nx = 1\n[limits.a]\nx = 2\n"))
def test_a_mistake_in_another_table_spoils_nothing(tmp_path: Path, fault: str) -> None:
    text = '[peers]\nannouncements = "peers"\n[switches]\nwired = ["file"]\nfile = "HALTED"\n'
    settings = read_settings(written(tmp_path, f"{fault}{FENCE}{fault}{text}{fault}"))
    assert (settings.account, settings.heads) == ("DEMO-1", tmp_path / "heads")
    assert settings.switch() == tmp_path / "HALTED"
    assert settings.announcements() == tmp_path / "peers"


def test_a_mistake_in_a_table_spoils_what_needs_that_table(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, FENCE + '[switches]\nwired = ["file"\nfile = "HALTED"\n'))
    with pytest.raises(ConfigurationError, match="expected TOML in UTF-8"):
        settings.switch()
    with pytest.raises(ConfigurationError, match="expected TOML in UTF-8"):
        read_settings(written(tmp_path, FENCE.replace('"store"', '"store')))
    with pytest.raises(ConfigurationError, match="expected TOML in UTF-8"):
        read_settings(written(tmp_path, FENCE + "[store]\n"))


def test_bytes_that_are_no_text_spoil_nothing_in_another_table(tmp_path: Path) -> None:
    path = written(tmp_path, FENCE)
    path.write_bytes(path.read_bytes() + b'[limits]\nx = "\xff"\n')
    assert read_settings(path).account == "DEMO-1"


def test_the_demos_credentials_are_had_with_a_mistake_elsewhere(tmp_path: Path) -> None:
    text = (ROOT / "config" / "demo.toml").read_text()
    found = read_settings(written(tmp_path, text + "\n[limits\n")).credentials()
    assert found == read_settings(written(tmp_path, text)).credentials()


def test_paths_are_beside_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "link.toml").symlink_to(written(tmp_path / "run", FENCE))
    settings = read_settings(tmp_path / "link.toml")
    assert (settings.heads, settings.folder) == (tmp_path / "run" / "heads", tmp_path / "run")


def test_a_switch_that_is_not_wired_is_not_moved(tmp_path: Path) -> None:
    unwired = FENCE + '[switches]\nwired = ["store"]\nfile = "HALTED"\n'
    assert read_settings(written(tmp_path, unwired)).switch() is None
    wired = unwired.replace('["store"]', '["store", "file"]')
    assert read_settings(written(tmp_path, wired)).switch() == tmp_path / "HALTED"


@pytest.mark.parametrize(
    ("text", "single"),
    (
        ("[environment]\npeople = 1\n", True),
        ("[environment]\npeople = 2\nname = 3\n", False),
        ('[environment]\npeople = "one"\n', False),
        ("", False),
    ),
)
def test_a_profile_of_one_person_is_known_and_no_fault_there_keeps_from_stopping(
    tmp_path: Path,
    text: str,
    single: bool,  # noqa: FBT001
) -> None:
    assert read_settings(written(tmp_path, FENCE + text)).is_single_person() is single
