"""What other limits would have decided: every decision of a journal made again."""
