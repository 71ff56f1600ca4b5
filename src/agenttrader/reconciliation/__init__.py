"""Where our book and the broker's differ. What to do about a difference is decided elsewhere."""
