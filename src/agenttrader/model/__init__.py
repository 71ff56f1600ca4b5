"""The words of the system: values, instruments, orders, decisions, events, errors. Imports nothing of ours.

Values are frozen and cannot hold cycles, so they are kept from the garbage collector (`gc=False`): a long day
keeps very many of them, and it would walk over all of them again and again.
"""
