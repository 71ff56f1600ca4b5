"""The runtime state of a gateway, shown; and a lost store, made again from the daily export."""
