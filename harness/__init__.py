"""A real Kubernetes on this machine, for tests: control plane, kwok, or a node that runs containers.

``python -m harness up`` starts one by hand; ``harness.fixtures`` gives the same to pytest. The layers,
lowest first: ``cache``, ``waiting`` and ``errors`` stand alone; ``binaries`` builds programs; ``state``,
``processes`` and ``credentials`` describe one instance; ``control_plane``, ``kwok`` and ``node`` start its parts;
``lifecycle`` puts them together; ``client`` is what a test holds in its hand.
"""
