"""Skylike: show it a galaxy and it finds the galaxies that look like it."""
