"""What every test shares: a property may take its time on a busy machine; the test's own time-out bounds it."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
