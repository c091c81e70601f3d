"""The live page: what is known of every search, served to browsers (`evonas ui`).

Above ``sources``, which reads the searches; its own front end is built from ``operator/page`` and knows only the API.
"""
