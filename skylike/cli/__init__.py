"""The `skylike` command, one file per verb group."""
