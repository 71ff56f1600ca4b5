"""The send protocol as a model: small enough that every history of it is played, with a rule or without."""
