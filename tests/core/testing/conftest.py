"""The broken plugins are material for a pytest run of its own."""

collect_ignore = ["heavy_shelves.py", "shelves.py"]
