"""Breakers that a test has to try hard to trip."""

from decimal import Decimal

from agenttrader.gateway.breakers import KEPT, BreakerLimits

BREAKERS = BreakerLimits(
    soft_fraction=Decimal("0.9"),
    medium_fraction=Decimal("0.95"),
    hard_fraction=Decimal("0.99"),
    flatten=False,
    day_loss_max=Decimal(10**12),
    loss_streak_max=1_000_000,
    rejects_max=KEPT - 1,
    reject_minutes=1,
    broker_latency_seconds_max=1_000_000,
    broker_latency_answers=KEPT - 1,
    errors_max=KEPT - 1,
    error_minutes=1,
    breaking_comparisons_max=1_000_000,
    stale_seconds_max=1_000_000_000,
    feed_stale_seconds_max=1_000_000_000,
    clock_seconds_max=1_000_000_000,
)
"""All of an account's, so far away that no careless day meets them."""
