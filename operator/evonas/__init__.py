"""Evo-NAS on Kubernetes: the operator, the local run and the agents behind both.

The layers, lowest first: ``errors``, ``space``, ``spec`` | ``agents`` | ``search`` | ``cluster`` and ``local`` |
``handlers``. Import-linter enforces them (``make check``).
"""
