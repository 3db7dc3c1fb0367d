"""What a catalog holds: products, their bands, and images; each checked at birth."""
