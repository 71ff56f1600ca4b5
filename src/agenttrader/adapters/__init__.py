"""The outside world: journals, feeds, brokers, clocks, switches, logs. It translates and never decides."""
