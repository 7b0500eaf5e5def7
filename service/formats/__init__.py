"""Tables as files that astronomers' programs read, one format a module."""
