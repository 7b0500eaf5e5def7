"""Why a galaxy may be anomalous: the data, a neighbour, or itself."""
