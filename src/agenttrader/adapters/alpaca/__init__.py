"""Alpaca, or whoever speaks its protocols: the broker account over REST and stream."""
