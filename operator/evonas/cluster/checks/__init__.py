"""What must be there for a search to run, asked of a cluster with the rights of whoever asks; nothing is changed."""
