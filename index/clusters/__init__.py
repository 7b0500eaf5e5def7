"""Groups of galaxies that look alike, and galaxies that are there more than once."""
