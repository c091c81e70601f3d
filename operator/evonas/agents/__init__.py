"""The agents: propose a candidate, observe its reward. ``create_agent`` is the one door in."""
