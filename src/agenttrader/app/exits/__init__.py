"""The exits unit: who leaves what is held."""
