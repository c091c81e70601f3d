"""`evonas ui`: a live page on all searches, served to this machine's browser, or in a cluster."""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import click

from evonas.cluster.client.kubeconfig import is_configured, is_pods_own
from evonas.errors import EvonasError
from evonas.extras import lacks, require
from evonas.sources.options import ClusterOptions

if TYPE_CHECKING:
    from evonas.ui.serving import Listening

PORT = 8090
HOST = "127.0.0.1"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of local runs to show if no PATH is given.",
)
@click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    help="Namespace of the cluster; repeatable. Default: the kubeconfig's.",
)
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Show the searches of all namespaces.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Kubeconfig to use.")
@click.option("--no-cluster", is_flag=True, help="Show nothing of a cluster, though one is configured.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help=f"Port to serve on; 0 picks a free one. Default: {PORT}, or the next that is free.",
)
@click.option(
    "--host",
    default=HOST,
    show_default=True,
    # An IPv6 address may be written as in the page's address.
    callback=lambda context, parameter, host: host.removeprefix("[").removesuffix("]").lower(),
    help="Address to serve on. Beyond this machine, a token is needed.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name under which the page may be asked for, such as a proxy's; repeatable.",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the token that browsers need. Default: none on this machine, elsewhere one that is printed.",
)
@click.option("--read-only", is_flag=True, help="Let nothing be changed from the page.")
@click.option(
    "--user-token-header",
    metavar="HEADER",
    help="Header in which a proxy passes each viewer's own token for the cluster, by whose rights they act.",
)
@click.option("--prometheus", metavar="URL", help="Prometheus whose alerts to show.")
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
def ui(
    paths: tuple[Path, ...],
    runs: Path,
    namespaces: tuple[str, ...],
    everywhere: bool,
    context: str | None,
    kubeconfig: Path | None,
    no_cluster: bool,
    port: int | None,
    host: str,
    allowed_hosts: tuple[str, ...],
    token_file: Path | None,
    read_only: bool,
    user_token_header: str | None,
    prometheus: str | None,
    no_open: bool,
) -> None:
    """Show searches on a page that keeps itself current, until Ctrl-C.

    Each PATH is the folder of a run, a folder of runs, or a file written by `evonas export`. Without PATH, the runs in
    RUNS and the searches of the cluster are shown, if one is configured; with the cluster's options, its searches are
    shown in any case.
    """
    require("ui", "`evonas ui`")
    named = bool(namespaces or everywhere or context or kubeconfig)
    if no_cluster and named:
        raise click.UsageError("--no-cluster shows nothing of a cluster: leave out its options")
    if namespaces and everywhere:
        raise click.UsageError("give either -n or -A")
    if read_only and user_token_header:
        raise click.UsageError("nobody changes anything with --read-only: leave out --user-token-header")
    _check_header(user_token_header)
    _check_address(prometheus)
    options = ClusterOptions(kubeconfig, context, namespaces[0] if len(namespaces) == 1 else None)

    from evonas.sources.live.directory import LiveSearches  # noqa: PLC0415
    from evonas.sources.live.places import ClusterPlace, Place, RunsPlace, place_at  # noqa: PLC0415
    from evonas.ui.app import create_app  # noqa: PLC0415
    from evonas.ui.pages import NOT_BUILT, Pages  # noqa: PLC0415
    from evonas.ui.security import LOOPBACK_NAMES, Policy  # noqa: PLC0415
    from evonas.ui.service import Settings  # noqa: PLC0415
    from evonas.ui.serving import listen, serve  # noqa: PLC0415
    from evonas.ui.viewers import Acting, Rights  # noqa: PLC0415

    in_cluster = is_pods_own(kubeconfig, context)
    with_cluster = named or (not no_cluster and not paths and is_configured() and not lacks("cluster"))
    # The chart's own pod has no runs; that of a notebook may have some.
    without_runs = bool(paths) or (in_cluster and with_cluster and not runs.exists())
    places: list[Place] = [
        *map(place_at, paths),
        *([] if without_runs else [RunsPlace(runs)]),
        *([ClusterPlace(options, namespaces, everywhere)] if with_cluster else []),
    ]
    # In a cluster, the page's own account is not that of whoever looks at it.
    acting = Acting.VIEWER if user_token_header else Acting.NOBODY if read_only or in_cluster else Acting.SELF
    rights = Rights(acting, user_token_header or "")

    listening = listen(host, PORT if port is None else port, exactly=port is not None)
    is_private = listening.is_private
    token = _read_token(token_file) if token_file is not None else None if is_private else secrets.token_urlsafe(32)
    policy = Policy(
        hosts=frozenset({*LOOPBACK_NAMES, *_own_names(listening), *map(str.lower, allowed_hosts)}),
        any_address=not is_private,
        token=token,
        cookie=f"evonas-token-{listening.port}",
    )
    pages = Pages()
    settings = Settings(rights, options, prometheus, pages)
    app, service = create_app(LiveSearches(places), settings, policy)
    address = listening.address if token is None else f"{listening.address}?token={quote(token, safe='')}"

    def ready() -> None:
        if listening.skipped is not None:
            click.echo(f"port {listening.skipped} is taken: serving on {listening.port}")
        if not pages.built:
            click.echo(f"warning: {NOT_BUILT}", err=True)
        # A token that was given is known; one that was made must be told.
        shown = address if token_file is None else listening.address
        click.echo(f"the page is at {shown} (Ctrl-C ends it)")
        sys.stdout.flush()
        if not no_open and is_private and _has_display():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    serve(app, service, [listening.socket], ready)


def _own_names(listening: Listening) -> list[str]:
    """Return the names of this page besides those that any has on its own machine."""
    return [listening.name] if listening.is_private else [listening.name, socket.gethostname().lower()]


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _read_token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EvonasError(f"--token-file: cannot read {path}: {error}") from error
    if not _TOKEN.fullmatch(token):
        raise EvonasError(
            f"--token-file: {path} must hold a token of 16 to 512 letters, digits and . _ ~ + / = -, such as that of"
            " `openssl rand -hex 32`"
        )
    return token


def _check_header(name: str | None) -> None:
    if name is not None and not _HEADER.fullmatch(name):
        raise EvonasError(f"--user-token-header: {name!r} is no header's name; one is X-Forwarded-Access-Token")


def _check_address(address: str | None) -> None:
    if address is None:
        return
    try:
        found = urlsplit(address)
        good = found.scheme in ("http", "https") and bool(found.hostname)
    except ValueError:
        good = False
    if not good:
        raise EvonasError(f"--prometheus: {address!r} must be an address such as http://prometheus.monitoring:9090")
