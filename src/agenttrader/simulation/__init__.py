"""How an exchange would answer, and the market that it trades: pure, in integers, and seeded."""
