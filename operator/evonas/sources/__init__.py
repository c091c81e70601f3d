"""Where the record of a search is read: a local run's folder, an export file, a cluster; one interface for all.

Above ``cluster`` and ``local``, of which it reads what they write; below the commands, which know only ``Source``.
"""
