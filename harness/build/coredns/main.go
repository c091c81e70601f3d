// CoreDNS with nothing but what the pods of a cluster ask it: the names of Services and of pods with a host name.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The last one answers what the one before it leaves.
	dnsserver.Directives = []string{"bind", "errors", "health", "kubernetes", "template"}
	coremain.Run()
}
