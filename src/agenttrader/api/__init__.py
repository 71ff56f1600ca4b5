"""Faces over HTTP: a request in, a use case, JSON out."""
