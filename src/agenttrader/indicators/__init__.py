"""Numbers from prices: one compiled kernel an indicator, the same code bar by bar and in bulk."""
