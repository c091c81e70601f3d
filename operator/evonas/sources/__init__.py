"""Where a search's record is read from: a local run's folder, an export file or a cluster, behind one interface.

Above ``cluster`` and ``local``, whose output it reads; below the commands, which know only ``Source``.
"""
