"""What people see of the operator in Prometheus and Grafana, as code: `make generate` writes the files that ship."""
