"""A venue whose market is in the test's hand."""

import pytest

from agenttrader.testing.small_venue import SmallVenue


@pytest.fixture
def venue() -> SmallVenue:
    return SmallVenue()
