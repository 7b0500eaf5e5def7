"""Catalogue tables that can be rebuilt from survey folders."""
