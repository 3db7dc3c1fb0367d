"""A plan is carried out here: computed, encoded, stored, delivered, and written down at each step."""
