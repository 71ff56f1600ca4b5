"""The words of the system: values, instruments, market data, orders, decisions, events, errors.

Imports nothing of ours.
"""
