"""The local run: the same manifest, plan and records on this machine, trials as child processes."""
