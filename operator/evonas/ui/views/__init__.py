"""What is known of searches, in the words of the API: pure functions from records to ``models``.

They derive nothing themselves: ``recorded`` and ``report`` do.
"""
