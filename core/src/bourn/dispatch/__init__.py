"""A request becomes a plan here, or an error, before anything is computed."""
