"""Typed options of a plugin: JSON Schema, conversion and validation, all derived from one attrs class."""
