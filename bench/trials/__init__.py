"""What the shipped training is worth, per step and from the start of the process."""
