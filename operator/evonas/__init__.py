"""Evo-NAS on Kubernetes: the operator, the local run and the agents behind both.

The layers, lowest first: ``errors``, ``space``, ``spec`` | ``agents`` | ``search`` | ``cluster`` and ``local`` |
``handlers``. Import-linter holds them in place (``make check``).
"""
