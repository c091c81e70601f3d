"""The read side: a recorded search, and what can be derived from its record alone. Pure; decides nothing."""
