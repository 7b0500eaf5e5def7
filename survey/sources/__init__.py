"""One reader per format that galaxies come in."""
