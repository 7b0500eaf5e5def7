"""What a question becomes before or after a search: one file per kind of question."""
