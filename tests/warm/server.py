"""The process that imports once and forks: ``python -m tests.warm.server DESCRIPTOR MODULE…``.

A forked child is the program itself: it runs as ``python -m`` would run it, and ends with its own exit code, traceback
and exit handlers. The server goes when its standard input is closed, so with whoever started it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

LONGEST_REQUEST = 1 << 20
PR_SET_PDEATHSIG = 1


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """Answer requests; return one in the child that is to become it, and None when nobody is left to ask."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    children: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return None
            if key.fileobj is listener:
                connection, _ = listener.accept()
                content, descriptors, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 3)
                pid = os.fork()
                if pid == 0:
                    for number, descriptor in enumerate(descriptors):
                        os.dup2(descriptor, number)
                    selector.close()
                    for each in (listener, connection, *(other for _, other in children.values())):
                        each.close()
                    for descriptor in (*descriptors, *children):
                        os.close(descriptor)
                    request: dict[str, Any] = json.loads(content)
                    return request
                for descriptor in descriptors:
                    os.close(descriptor)
                ended = os.pidfd_open(pid)
                children[ended] = pid, connection
                selector.register(ended, selectors.EVENT_READ)
                connection.send(str(pid).encode())
            else:
                assert isinstance(key.fileobj, int)
                pid, connection = children.pop(key.fileobj)
                selector.unregister(key.fileobj)
                os.close(key.fileobj)
                _, status = os.waitpid(pid, 0)
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())
                connection.close()


def become(request: dict[str, Any]) -> None:
    """Run a module in the environment and the folder that are asked for."""
    # The server ends with the tests, even where a SIGKILL leaves them no time to end anybody.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.argv[1:] = request["arguments"]
    # It may be known as a module that another one imports, too.
    sys.modules.pop(request["module"], None)
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        end(left.code)
    end(None)


def end(said: object) -> NoReturn:
    """End as the interpreter does, without taking down module by module what was imported: most of a second."""
    if isinstance(said, str):
        print(said, file=sys.stderr)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(said if isinstance(said, int) else said is not None)


def main() -> None:
    """Import, then serve."""
    descriptor, *modules = sys.argv[1:]
    # Ctrl-C at a terminal is meant for the tests, whose end ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in modules:
        importlib.import_module(module)
    # What is shared with the children stays shared: their collector leaves it alone.
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as listener:
        request = serve(listener)
    if request is not None:
        become(request)


if __name__ == "__main__":
    main()
