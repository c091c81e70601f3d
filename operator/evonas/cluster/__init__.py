"""Everything that talks to the API server; docs/architecture.md says what each package in it is for."""
