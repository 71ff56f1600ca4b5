"""What we would like: the contract that a strategy is written against, and the strategies that ship."""
