"""``python -m bench.report``: CPU time of `evonas report` for runs of EvoNAS of several lengths, and of what it would
take besides if it imported PyTorch, to compare numbers from other machines. The runs are those of ``bench.commands``.
"""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path

import click

from bench.commands import cpu_seconds, manifest, write_run
from bench.printing import print_rows


@click.command()
@click.option("--trials", multiple=True, type=int, default=(100, 400, 1000), show_default=True, help="Results; repeat.")
@click.option("--agent", default="EvoNAS", show_default=True, help="Type of the agent.")
@click.option("--repeats", default=3, show_default=True, help="How often each is measured; the least is printed.")
def main(trials: tuple[int, ...], agent: str, repeats: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = {"import torch": ["-c", "import torch"]}
        for count in trials:
            write_run(folder / str(count), manifest(agent, count))
            commands[f"{count} results"] = ["-m", "evonas", "report", str(count), "--to", f"{count}.html"]
        rows = []
        for what, command in commands.items():
            # The first time compiles what was never imported.
            least = min(cpu_seconds(command, folder) for _ in range(repeats + 1))
            page = folder / command[-1]
            size = f"{page.stat().st_size / 1000:.0f} kB" if page.is_file() else "-"
            rows.append({"": what, "CPU seconds": f"{least:.2f}", "page": size})
    print_rows(f"evonas report, {agent}, Python {platform.python_version()}", rows)


if __name__ == "__main__":
    main()
