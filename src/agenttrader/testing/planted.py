"""Bugs that a trading gateway could have, to be planted: the worlds must find each within a thousand seeds.

They lie in `testing.bugs`, by what they are about. Each is a function that spoils one thing of the product,
yields, and mends it (`testing.planting`): its name is the bug's, and what it says is what is wrong then.
"""

from agenttrader.testing.bugs import counting, deciding, halting, recovering, sending
from agenttrader.testing.planting import PLANTED

__all__ = ["PLANTED"]

SUBJECTS = (sending, counting, deciding, halting, recovering)
"""What the bugs are about; each of these has entered its own."""
