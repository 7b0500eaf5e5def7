"""Work that is too large for one request: leased by workers in chunks, resumed after any death."""
