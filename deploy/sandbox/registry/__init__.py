"""A civil registry outside the suite: it holds facts, and answers those who bring a consent token of the wallet."""
