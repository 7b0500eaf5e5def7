"""From a file or the sky to a calibrated cutout."""
