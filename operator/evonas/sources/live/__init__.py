"""What is known of every search, kept current by one process for any number of viewers.

Above the sources of single searches, of which it reuses the reading; it knows nothing of who looks at it.
"""
