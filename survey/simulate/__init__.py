"""The demo survey: real SDSS photometry and redshifts, pixels rendered with GalSim."""
