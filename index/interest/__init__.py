"""What a person finds interesting: learned from the scores they give, with a forecast of what is left to find."""
