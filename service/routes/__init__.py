"""HTTP handlers: parse, call one operation, translate."""
