"""The strategy host of a configuration."""
