"""AgentTrader: a trading system that is safe before it may trade, and a gateway that every bot obeys."""
