"""A result as JSON text, written as it is walked."""
