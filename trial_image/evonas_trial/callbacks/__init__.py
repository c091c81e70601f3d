"""Callbacks for the loops of Lightning, Hugging Face Transformers and Keras, each in a module of its own, so that none
needs another's library. They report what the loop measures and end it where the search does; the rest is the program's.
"""
