"""What persons ask of a running gateway from a shell."""
