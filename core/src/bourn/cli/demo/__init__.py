"""``bourn demo``: everything that is installed, shown at work."""
