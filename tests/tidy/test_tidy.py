"""The rules of our style that ruff, mypy and the import contracts do not check.

Each test is one rule; it lists every place that breaks it. The few places that may are in `exceptions.toml`,
each with its reason.
"""

import ast
import itertools
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agenttrader.cli.program import ROLES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "agenttrader"
EXCEPTIONS = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text())

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

VAGUE_NAME = re.compile(r"(^|_)(utils?|common|helpers?|managers?|misc|enhanced)(_|$)|_v\d+$")
BANNER = re.compile(r"^\s*#\s*[-=#*~_]{3,}")

FLOAT_FOLDERS = ("indicators", "analytics", "insight", "strategies", "ui")
"""Where numbers are estimates, or drawn; elsewhere a float can only be a number of seconds."""

CORE_FOLDERS = (
    *("model", "protocols", "gateway", "portfolio", "strategies", "indicators", "exits", "simulation"),
    *("reconciliation", "analytics", "insight", "readiness", "promotion", "runtime/engine"),
)
"""What decides, and so must answer the same twice. The import contracts keep the modules of the world out."""

WORLD_CALLS = {"open", "input", "print", "breakpoint"}
CLOCK = {f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter") for unit in ("", "_ns")} | {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv"}
CHANCE = re.compile(
    r"(random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid[14]|os\.urandom|(np|numpy)\.random\.\w+)$"
)

ROOT_ENTRIES = {
    *(".ci", ".dockerignore", ".github", ".gitignore", "CHANGELOG.md", "Dockerfile", "LICENSE", "README.md"),
    *("SECURITY.md", "agenttrader", "bench", "config", "deploy", "docs", "pyproject.toml"),
    *("requirements-dev.lock", "requirements.lock", "scripts", "src", "tests"),
}
ARTEFACT_SUFFIXES = {
    ".db",
    ".key",
    ".log",
    ".parquet",
    ".pem",
    ".pid",
    ".pyc",
    ".sqlite",
    ".sqlite3",
    ".tmp",
    ".whl",
}


class Module(NamedTuple):
    """One module of the product, read and parsed once."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The dotted name under which it is imported."""
        return f"agenttrader/{self.path}".removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class Finding(NamedTuple):
    """One place that breaks a rule."""

    path: str
    line: int
    what: str


def read_modules(folder: Path) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        yield Module(path.relative_to(folder).as_posix(), text, ast.parse(text))


MODULES = list(read_modules(SOURCE))


def tracked() -> list[str]:
    """The files that git knows."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    return listing.splitlines()


def unexcused(rule: str, findings: Iterable[Finding]) -> list[str]:
    """What is found beyond the exceptions of a rule, and the exceptions that nothing needs."""
    findings = sorted(findings)
    excuses = EXCEPTIONS[rule]
    stale = [
        f"exceptions.toml [{rule}]: {path} needs none"
        for path in excuses.keys() - {it.path for it in findings}
    ]
    return stale + [f"{path}:{line}: {what}" for path, line, what in findings if path not in excuses]


def none(findings: Iterable[str]) -> None:
    """Fail with one line for each place that breaks the rule."""
    if lines := list(findings):
        pytest.fail("\n".join(lines), pytrace=False)


def in_folders(module: Module, folders: Iterable[str]) -> bool:
    """Whether a module lies in one of the folders, or is the module of that name."""
    return any(module.path.startswith((f"{folder}/", f"{folder}.py")) for folder in folders)


def names_used(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every dotted name that is read or imported, as it would be written in full, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_a_module_and_a_function_fit_the_eye() -> None:
    findings = [
        f"{module.path}: {lines} lines, at most {MODULE_LINES_MAX}"
        for module in MODULES
        if (lines := module.text.count("\n")) > MODULE_LINES_MAX
    ]
    findings += [
        f"{module.path}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    none(findings)


def test_no_name_fits_anything() -> None:
    vague = [
        path
        for path in tracked()
        if any(VAGUE_NAME.search(part.split(".")[0].lower()) for part in Path(path).parts)
    ]
    none(vague)


def test_a_module_says_what_it_is_and_a_package_only_that() -> None:
    findings = []
    for module in MODULES:
        if ast.get_docstring(module.tree) is None:
            findings.append(f"{module.path}: no docstring")
        if module.path.endswith("__init__.py") and len(module.tree.body) > 1:
            findings.append(f"{module.path}: expected a docstring alone, so that a name has one place")
    none(findings)


def test_comments_have_no_banners() -> None:
    findings = [
        f"{module.path}:{number}"
        for module in MODULES
        for number, line in enumerate(module.text.splitlines(), 1)
        if BANNER.match(line)
    ]
    none(findings)


def test_money_is_never_a_float() -> None:
    """A float may be asked for (to refuse it), and outside the core it may count seconds."""
    found = (
        Finding(module.path, node.lineno, "float")
        for module in MODULES
        if not in_folders(module, FLOAT_FOLDERS)
        for node in set(ast.walk(module.tree)) - set(harmless_floats(module))
        if isinstance(node, ast.Name) and node.id == "float"
    )
    none(unexcused("float", found))


def harmless_floats(module: Module) -> Iterator[ast.AST]:
    """Where a float is asked for; where it is the type of something named for seconds, outside the core."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                yield from ast.walk(kinds)
            case ast.MatchClass(cls=kind):
                yield kind
            case (
                ast.arg(arg=name, annotation=ast.expr() as kind)
                | ast.AnnAssign(target=ast.Name(id=name), annotation=kind)
                | ast.FunctionDef(name=name, returns=ast.expr() as kind)
            ) if name.lower().endswith("seconds") and not in_folders(module, CORE_FOLDERS):
                yield from ast.walk(kind)


def test_clock_environment_and_chance_enter_by_ports_and_configuration() -> None:
    used = [(module, line, name) for module in MODULES for line, name in names_used(module.tree)]
    clock = (Finding(module.path, line, name) for module, line, name in used if name in CLOCK)
    environment = (Finding(module.path, line, name) for module, line, name in used if name in ENVIRONMENT)
    chance = (Finding(module.path, line, name) for module, line, name in used if CHANCE.match(name))
    problems = unexcused("clock", clock) + unexcused("environment", environment) + unexcused("chance", chance)
    none(problems)


def test_the_core_touches_nothing_outside() -> None:
    findings = [
        f"{module.path}:{node.lineno}: {node.func.id}()"
        for module in MODULES
        if in_folders(module, CORE_FOLDERS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORLD_CALLS
    ]
    none(findings)


def test_imports_can_be_read() -> None:
    """What is imported by a name made at run time, no contract sees."""
    found = (
        Finding(module.path, line, name)
        for module in MODULES
        for line, name in names_used(module.tree)
        if name in {"__import__", "importlib.import_module", "runpy.run_module", "runpy.run_path"}
    )
    none(unexcused("dynamic_import", found))


def test_a_broad_except_is_listed_and_says_what_it_makes_of_the_error() -> None:
    def broad(handler: ast.ExceptHandler) -> bool:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in kinds)

    found = [
        (module, node)
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and broad(node)
    ]
    silent = [
        f"{module.path}:{node.lineno}: no comment"
        for module, node in found
        if not any("#" in line for line in module.text.splitlines()[node.lineno - 1 : node.lineno + 1])
    ]
    listed = unexcused("broad_except", (Finding(m.path, node.lineno, "broad except") for m, node in found))
    none(listed + silent)


def test_every_module_is_used() -> None:
    """By another module of the product; a double by a test; a role and the entry point are called by name."""
    by_name = ("cli/main", *(f"roles/{role}" for role in ROLES))
    used = imports_of(MODULES)
    used_by_tests = used | imports_of(read_modules(ROOT / "tests"))
    found = (
        Finding(module.path, 1, "nothing imports it")
        for module in MODULES
        if module.name not in (used_by_tests if in_folders(module, ("testing",)) else used)
        and not module.path.endswith("__init__.py")
        and not in_folders(module, by_name)
    )
    none(unexcused("unused", found))


def imports_of(modules: Iterable[Module]) -> set[str]:
    """Every module that some module imports, and every name from one, dotted."""
    imported: set[str] = set()
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported.update(f"{node.module}.{alias.name}" for alias in node.names)
    return imported


def test_unit_tests_mirror_the_source() -> None:
    """`unit/gateway/test_decide.py` or `unit/gateway/test_decide_sizes.py` tests `gateway/decide.py`."""
    names = {module.path.removesuffix(".py") for module in MODULES}
    strays = []
    for path in (ROOT / "tests" / "unit").rglob("test_*.py"):
        folder = path.relative_to(ROOT / "tests" / "unit").parent
        words = path.stem.removeprefix("test_").split("_")
        prefixes = {(folder / "_".join(words[:count])).as_posix() for count in range(1, len(words) + 1)}
        if not prefixes & names:
            strays.append(path.relative_to(ROOT).as_posix())
    none(strays)


def test_the_root_holds_only_what_belongs_there() -> None:
    none({path.split("/")[0] for path in tracked()} - ROOT_ENTRIES)


def test_nothing_that_was_made_is_tracked() -> None:
    none(path for path in tracked() if Path(path).suffix in ARTEFACT_SUFFIXES)


def test_the_locks_name_no_index_and_hold_what_is_asked_for() -> None:
    """Nothing is installed that `.ci/lock` has not locked, and nobody's index is written down."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    product = [
        *project["project"]["dependencies"],
        *itertools.chain(*extras),
        *project["dependency-groups"]["build"],
    ]
    for lock, asked in (
        ("requirements.lock", product),
        ("requirements-dev.lock", project["dependency-groups"]["dev"]),
    ):
        text = (ROOT / lock).read_text()
        assert "://" not in text, lock
        names = {re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-") for requirement in asked}
        none(
            f"{lock}: {name} is missing; run .ci/lock"
            for name in sorted(names)
            if f"\n{name}==" not in f"\n{text}"
        )


def test_what_the_pages_name_exists() -> None:
    """Modules and files, as `agenttrader.gateway.decide` or `src/agenttrader/gateway/decide.py`."""
    names = {module.name for module in MODULES}
    findings = []
    for page in [path for path in tracked() if path.endswith(".md")]:
        text = (ROOT / page).read_text()
        dotted = set(re.findall(r"\bagenttrader(?:\.[a-z_]\w*)+", text))
        # The last word may be something in the module.
        findings += [f"{page}: {name}" for name in dotted if not names & {name, name.rpartition(".")[0]}]
        paths = set(re.findall(r"\bsrc/agenttrader/[\w/.]*\w", text))
        findings += [f"{page}: {path}" for path in paths if not (ROOT / path).exists()]
    none(findings)
