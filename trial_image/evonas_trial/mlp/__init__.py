"""A network of one hidden layer: the simple search space that Evo-NAS was first shown on."""
