"""Does a child that starts from its parent's weights save training? ``python -m bench.inheritance``."""
