"""What the core needs from the world: small protocols, nothing else."""
