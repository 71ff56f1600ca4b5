"""`agenttrader emergency-liquidate`, by the name that runbooks give it."""

import os
import sys
from pathlib import Path

root = Path(__file__).parents[1]
installed = root / ".venv" / "bin" / "agenttrader"  # As it stands: nothing is brought up to date first.
program = installed if installed.exists() else root / "agenttrader"
os.execv(program, [str(program), "emergency-liquidate", *sys.argv[1:]])  # noqa: S606 - our own launcher
