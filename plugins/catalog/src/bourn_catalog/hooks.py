"""What the catalog does at bourn's own moments."""
