"""How odd a galaxy is, by several detectors, against a frozen sample of the catalogue."""
