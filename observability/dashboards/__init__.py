"""The three dashboards, one module each: what one search does, what all of them cost, how the operator is doing."""
