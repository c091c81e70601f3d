"""The operator's Prometheus and Grafana files, as code: `make generate` writes the files that ship."""
