"""One pass over one search: whether it is accepted, what is written, and in which order."""
