"""Visits the parts of a result for the formats json and msgpack."""
