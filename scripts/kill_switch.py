"""`agenttrader kill`, by the name that the readiness checklist gives it."""

import os
import sys
from pathlib import Path

root = Path(__file__).parents[1]
installed = root / ".venv" / "bin" / "agenttrader"  # As it stands: nothing is brought up to date first.
program = installed if installed.exists() else root / "agenttrader"
os.execv(program, [str(program), "kill", *sys.argv[1:]])  # noqa: S606 - our own launcher
