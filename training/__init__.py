"""From cutouts to weights to a model; offline only."""
