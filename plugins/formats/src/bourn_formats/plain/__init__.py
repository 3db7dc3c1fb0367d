"""A result as plainer values, one after the other: what json and msgpack have in common."""
