"""Formats of tables and features: csv and parquet."""
