"""What we hold: orders, positions, cash and profit, folded from the journal and from nothing else."""
