"""For every test: a property may take its time on a busy machine; each test's time-out bounds it."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
