"""``bourn demo``: everything that is installed, in use."""
