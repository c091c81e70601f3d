"""What the operator knows of the cluster, how it is kept in step, and what is gathered of it for a pass."""
