"""A journal at rest: whether it stands as it was written, what stands in it, and a copy for an auditor."""
