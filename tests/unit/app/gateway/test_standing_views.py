from agenttrader.app.gateway.standing_views import close_of_session
from agenttrader.model.times import Instant, rfc3339
from agenttrader.testing.builders import CLOSE, OPEN, calendar
from agenttrader.testing.driver import trading


def test_the_close_is_that_of_the_session_that_trades_or_of_the_next() -> None:
    """A window until the close may be opened before the first minute of the day has come."""
    engine = trading().engine
    following = calendar().following(CLOSE).close
    for now, close in ((OPEN - 1, CLOSE), (OPEN, CLOSE), (CLOSE - 1, CLOSE), (CLOSE, following)):
        assert close_of_session(engine, Instant(now)) == rfc3339(Instant(close))


def test_where_nobody_knows_there_is_none() -> None:
    engine = trading().engine
    assert close_of_session(engine, None) is None
    assert close_of_session(engine, Instant(calendar().end)) is None
    assert close_of_session(engine, calendar().sessions[-1].close) is None
