"""Drills: one thing goes wrong on purpose, with real processes, and what must hold is looked at."""
