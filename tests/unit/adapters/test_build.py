from pathlib import Path

from agenttrader.adapters.build import UNKNOWN, Build, read_build

SHA = "0123456789abcdef0123456789abcdef01234567"


def repository(folder: Path) -> Path:
    git = folder / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    return git


def test_the_environment_speaks_first(tmp_path: Path) -> None:
    (repository(tmp_path) / "refs" / "heads" / "main").write_text("not this one")
    assert read_build({"GIT_SHA": SHA, "BUILD_ID": "77"}, tmp_path) == Build(SHA, "77")


def test_a_checkout_tells_its_commit(tmp_path: Path) -> None:
    git = repository(tmp_path)
    (git / "refs" / "heads" / "main").write_text(f"{SHA}\n")
    assert read_build({}, tmp_path) == Build(SHA, UNKNOWN)


def test_a_packed_reference_a_bare_head_and_a_linked_work_tree_are_read(tmp_path: Path) -> None:
    git = repository(tmp_path / "main")
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{SHA} refs/heads/main\n")
    assert read_build({}, tmp_path / "main").git_sha == SHA

    linked = git / "worktrees" / "second"
    linked.mkdir(parents=True)
    (linked / "commondir").write_text("../..\n")
    (linked / "HEAD").write_text("ref: refs/heads/main\n")
    second = tmp_path / "second"
    second.mkdir()
    (second / ".git").write_text(f"gitdir: {linked}\n")
    assert read_build({}, second).git_sha == SHA

    (git / "HEAD").write_text(f"{SHA[::-1]}\n")
    assert read_build({}, tmp_path / "main").git_sha == SHA[::-1]


def test_without_a_checkout_the_commit_is_unknown(tmp_path: Path) -> None:
    assert read_build({}, tmp_path).git_sha == UNKNOWN
    repository(tmp_path)
    assert read_build({}, tmp_path).git_sha == UNKNOWN, "a branch without a commit"
