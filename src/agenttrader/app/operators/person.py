"""A person's files: a key that signs, and a token that looks, halts and closes."""

from pathlib import Path

from msgspec import Struct

from agenttrader.model.credentials import Secret
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import PersonName


class PersonFiles(Struct, frozen=True):
    """Where a person keeps key and token: `FOLDER/NAME` stands for `NAME.key` and `NAME.token` in it."""

    stem: Path

    @property
    def name(self) -> PersonName:
        """What the person is called in [people]."""
        return PersonName(self.stem.name)

    @property
    def key(self) -> Path:
        """The file of the Ed25519 key, under its passphrase."""
        return self.stem.with_name(f"{self.stem.name}.key")

    @property
    def token(self) -> Path:
        """The file of the token, which looks, halts and closes."""
        return self.stem.with_name(f"{self.stem.name}.token")

    def require(self) -> None:
        """Raises ConfigurationError unless key and token are both there."""
        self.read_token()
        if not self.key.exists():
            raise ConfigurationError(
                f"{self.key}: expected the key of {self.name}, which signs what loosens, found none; name "
                "another person with --person"
            )

    def read_token(self) -> Secret:
        """The token. Raises ConfigurationError, saying what to do."""
        try:
            text = self.token.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            found = error.strerror if isinstance(error, OSError) else error
            raise ConfigurationError(
                f"{self.token}: expected the token of {self.name}, found none that can be read: {found}; "
                "make a person with `agenttrader persons new`, or name another with --person"
            ) from error
        return Secret(text)
