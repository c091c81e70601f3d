"""The three dashboards, each a module: what one search does, what all of them cost, how the operator is."""
