"""Mistakes that a programmer could make in the product, each by what it is about, for `testing.planted`."""
