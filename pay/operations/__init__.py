"""The verbs of pay: each owns its transactions, and calls gateways between them."""
