"""The Python interface: declare a search, run it here or submit it, read its record, or ask and tell.

The second door beside the command line. It builds the same manifest, checks it by the same rules and runs the same
loop; `evonas` itself exports its public names.
"""
