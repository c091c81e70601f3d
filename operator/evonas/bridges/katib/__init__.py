"""Reads Katib's Experiments as searches: its objective, parameters and trial template. Pure."""
