// Prometheus Operator, for its CRDs only: they come with the module, and none of its code is built.
module evonas.dev/tests/cluster/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.89.0
