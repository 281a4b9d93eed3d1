"""From device time to money: the meter, the ledger, runs and budgets."""
