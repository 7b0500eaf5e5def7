"""What is wrong with a catalogue: one sky under two ids, labels that look mistaken, artefacts."""
