"""The gateway of a configuration: its desk, its stream, its views, and how it is put together."""
