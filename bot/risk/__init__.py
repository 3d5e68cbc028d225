"""What we may do, per wallet. Pure, default deny: limits, the ledger of budgets, the checks, and the gate."""
