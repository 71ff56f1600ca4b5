"""What we allow, and the only door out: limits, snapshot, checks in their order, decision, dispatcher."""
