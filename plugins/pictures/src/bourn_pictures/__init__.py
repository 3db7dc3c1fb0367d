"""Formats of pictures: png, jpeg and webp."""
