"""The import contracts of pyproject.toml hold where they should, and bite where they should.

A skeleton of the whole plan is made of empty modules and imports, so that a contract over a folder that has
no module yet is tried too.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PERMITTED = {
    "adapters.alpaca.broker": "agenttrader.ports.order_route",
    "api.orders": "agenttrader.app.submit",
    "app.submit": "agenttrader.app.gateway.wiring",
    "app.wiring": "agenttrader.adapters.alpaca.broker",
    "gateway.dispatch": "agenttrader.ports.order_route",
    "gateway.decide": "agenttrader.model.orders",
    "roles.gateway": "agenttrader.app.gateway.wiring",
    "runtime.session": "agenttrader.gateway.dispatch",
    "simulation.matcher": "agenttrader.model.values",
    "strategies.crossover": "agenttrader.indicators.kernels",
    "testing.worlds": "agenttrader.adapters.alpaca.broker",
}

FORBIDDEN = {
    "adapters.alpaca.broker": "agenttrader.runtime.session",
    "api.orders": "agenttrader.gateway.decide",
    "api.positions": "agenttrader.adapters.alpaca.broker",
    "app.deciding.wiring": "agenttrader.adapters.alpaca.broker",
    "app.kill.wiring": "agenttrader.adapters.alpaca.broker",
    "app.sentinel.watch": "agenttrader.ports.order_route",
    "app.submit": "agenttrader.cli.verbs",
    "cli.verbs": "agenttrader.app.gateway.wiring",
    "exits.rules": "agenttrader.indicators.kernels",
    "gateway.checks": "agenttrader.portfolio.book",
    "gateway.decide": "time",
    "indicators.kernels": "random",
    "leftovers.things": "agenttrader.model.orders",
    "mcp.tools": "agenttrader.app.gateway.wiring",
    "model.orders": "agenttrader.ports.clock",
    "portfolio.book": "agenttrader.ports.clock",
    "protocols.alpaca": "sqlite3",
    "runtime.engine": "os",
    "runtime.loop": "agenttrader.gateway.dispatch",
    "runtime.session": "agenttrader.ports.order_route",
    "simulation.matcher": "agenttrader.model.orders",
    "strategies.crossover": "alpaca",
    "ui.pages": "agenttrader.adapters.alpaca.broker",
}


def lint(root: Path, imports: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Make a package of one module per import and per imported module, and run our contracts on it."""
    modules = {f"agenttrader.{module}": target for module, target in imports.items()}
    texts = dict.fromkeys((name for name in modules.values() if name.startswith("agenttrader.")), "")
    texts |= {module: f"import {target}\n" for module, target in modules.items()}
    for module, text in texts.items():
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in {
        parent for path in root.rglob("*.py") for parent in path.parents if root in parent.parents
    }:
        (folder / "__init__.py").touch()
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    options = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--no-logo"]
    return subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, check=False)


def test_every_permitted_import_is_kept(tmp_path: Path) -> None:
    result = lint(tmp_path, PERMITTED)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_forbidden_import_is_named(tmp_path: Path) -> None:
    result = lint(tmp_path, FORBIDDEN)

    assert result.returncode == 1, result.stderr
    missed = []
    for module, target in FORBIDDEN.items():
        undeclared = f"- agenttrader.{module.split('.')[0]}\n"
        if f"agenttrader.{module} -> {target} (l" not in result.stdout and undeclared not in result.stdout:
            missed.append(f"{module} -> {target}")
    assert missed == [], result.stdout


def test_every_contract_was_broken_by_something(tmp_path: Path) -> None:
    cycle = {"model.orders": "agenttrader.model.fills", "model.fills": "agenttrader.model.orders"}
    result = lint(tmp_path, FORBIDDEN | cycle)

    assert " KEPT" not in result.stdout
