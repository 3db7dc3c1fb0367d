"""The image: bands of pixels with a mask, a grid and metadata; in memory, lazy, or in a file."""
