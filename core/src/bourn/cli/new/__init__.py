"""A plugin's project from a template: ``bourn new``."""
