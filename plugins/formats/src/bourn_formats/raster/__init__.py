"""An image as a GeoTIFF: what the file will be, how pixels become its pixels, and who writes it."""
