"""Descriptions of the registry for people and machines."""
