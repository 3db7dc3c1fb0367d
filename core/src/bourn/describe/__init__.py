"""The registry told to people and machines."""
