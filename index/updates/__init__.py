"""Releases that follow from another by adding, changing and withdrawing objects."""
