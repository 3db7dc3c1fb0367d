"""The tokens and bytes of a result as an Arrow stream, and back again."""
