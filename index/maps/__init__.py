"""Embeddings laid out in two dimensions, for people to look at."""
