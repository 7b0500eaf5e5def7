"""Ways to train an encoder without labels, one a file, each readable beside its paper."""
