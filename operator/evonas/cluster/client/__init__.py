"""The API server: its verbs, where it is and who we are there, and the kinds that we read or write."""
