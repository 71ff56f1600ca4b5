import pickle

import msgspec
import pytest

from agenttrader.model.credentials import Credential, Secret


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("sesame")
    credential = Credential(key_id="key", secret=secret)
    for shown in (str(secret), repr(secret), f"{secret}", repr(credential), f"{[credential]}"):
        assert "sesame" not in shown
        assert "*****" in shown
    assert secret.reveal() == "sesame"


def test_a_secret_is_in_no_json() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(Credential(key_id="key", secret=Secret("sesame")))


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(Secret("sesame"))
