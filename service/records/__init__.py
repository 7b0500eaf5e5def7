"""What people made: never rebuildable, an owner in every row."""
