"""From a person's question to an answer over HTTP."""
