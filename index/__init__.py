"""From cutouts to embeddings, neighbours, p(z), anomaly scores and catalogue rows."""
