"""Secrets that are made with a run: in files for their owner alone, and as hashes in its configuration."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agenttrader.app.template import Place, Value
from agenttrader.model.credentials import Secret
from agenttrader.model.identifiers import AgentName, PersonName


class Throwaway:
    """A secret for each key, agent and person of a configuration's tables."""

    def __init__(
        self,
        tables: Mapping[str, Any],
        token: Callable[[], Secret],
        people: Mapping[PersonName, Secret] | None = None,
    ) -> None:
        """`people` have their tokens already; without them each gets one."""
        self._tables = tables
        accounts, keys = tables["venue"]["accounts"], tables["marketdata"]["keys"]
        more = [key for account in accounts for key in account["more_keys"]]
        self.keys = {entry["key_id"]: token() for entry in (*accounts, *more, *keys)}
        callers = (*tables["agents"], *(("exits",) if "exits" in tables else ()))
        self.agents = {AgentName(name): token() for name in callers}
        self.people = people or {PersonName(name): token() for name in tables["people"]}

    def hashes(self) -> dict[Place, Value]:
        """What the configuration holds of them."""
        found: dict[Place, Value] = {}
        accounts = self._tables["venue"]["accounts"]
        for table, entries in (
            ("venue.accounts", accounts),
            ("venue.accounts.more_keys", [key for account in accounts for key in account["more_keys"]]),
            ("marketdata.keys", self._tables["marketdata"]["keys"]),
        ):
            for number, entry in enumerate(entries, 1):
                found[f"{table}#{number}", "secret_sha256"] = sha256_of(self.keys[entry["key_id"]])
        found |= {
            (f"people.{name}", "token_sha256"): sha256_of(secret) for name, secret in self.people.items()
        }
        return found

    def files(self) -> dict[str, Secret]:
        """In which files of the run's folder the roles look for theirs."""
        found: dict[str, Secret] = {}
        for role, credentials in self._tables["credentials"].items():
            for credential in credentials.values():
                if "key_id" in credential:
                    found[credential["secret"]["file"]] = self.keys[credential["key_id"]]
                elif role == "kill":
                    # Whoever kills is a person to the gateway: the first that there is.
                    found[credential["file"]] = next(iter(self.people.values()))
                elif role == "exits":
                    found[credential["file"]] = self.agents[AgentName("exits")]
                else:
                    found[credential["file"]] = self.agents[self._tables["strategy"]["agent"]]
        return found


def write_private(path: Path, text: str) -> None:
    """Write the text where its owner alone reads it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def sha256_of(secret: Secret) -> str:
    """As a configuration has it."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()
