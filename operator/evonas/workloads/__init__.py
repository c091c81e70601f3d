"""Trials of many pods: what each kind of workload is, as far as a search needs to know. Pure; below ``spec``."""
