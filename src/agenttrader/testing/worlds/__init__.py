"""Hostile worlds: whole trading days on a simulated clock, network and disk, each from one seed."""
