"""A result as a flat list of tokens and the bytes that they point to, and back again, exactly."""
