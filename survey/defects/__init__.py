"""What is wrong with the pixels of a cutout, one defect a module."""
