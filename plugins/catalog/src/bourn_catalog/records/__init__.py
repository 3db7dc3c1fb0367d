"""The catalog's memory: products and images in tables beside the ledger's; each function is a step of a transaction."""
