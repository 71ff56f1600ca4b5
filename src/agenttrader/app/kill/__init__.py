"""Kill: stopping everything, whatever state the gateway is in."""
