"""Whether a run stands safely on its machine: who can read, change or replace what it lives by."""
