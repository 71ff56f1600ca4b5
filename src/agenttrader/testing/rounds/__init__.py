"""Rounds of `kill -9` over real processes under load, judged from outside: nothing lost, nothing twice."""
