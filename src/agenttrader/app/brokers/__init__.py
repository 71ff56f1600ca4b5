"""Brokers held to what the gateway relies on: the exam, who sits it, and what it leaves in writing."""
