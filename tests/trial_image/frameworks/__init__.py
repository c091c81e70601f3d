"""Short trainings of a line by each library's own loop, as programs of trials that use a callback."""
