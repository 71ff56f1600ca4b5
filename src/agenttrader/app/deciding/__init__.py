"""Decision-only mode: proposals in, what the gateway would decide out, without a way to send anything."""
