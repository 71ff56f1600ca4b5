"""One module a role: each assembles a face, a loop and its wiring into a process."""
