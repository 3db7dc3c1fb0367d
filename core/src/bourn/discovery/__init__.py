"""Who is installed and what goes together."""
