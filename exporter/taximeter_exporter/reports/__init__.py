"""What was spent, and what it would have cost elsewhere: read from the ledger, for people and for spreadsheets."""
