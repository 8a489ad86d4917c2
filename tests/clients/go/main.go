// Command clients holds a server against client-go, the library that kubectl, Helm, istioctl and every
// controller are made of. Each scenario is one way of using it; the first thing that is not as a real
// cluster would have it ends the program with a message and exit code 1.
//
// Usage: KUBECONFIG=FILE clients SCENARIO
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A scenario runs in a namespace of its own, which it finds made and need not remove.
type scenario func(ctx context.Context, config *rest.Config, namespace string) error

var scenarios = map[string]scenario{
	"informers": informers,
	"protobuf":  protobuf,
	"dynamic":   dynamically,
	"election":  election,
	"streams":   streams,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 || scenarios[os.Args[1]] == nil {
		return fmt.Errorf("usage: clients informers|protobuf|dynamic|election|streams")
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = -1, -1
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	name := os.Args[1]
	namespace, remove, err := inNamespace(ctx, config, "go-"+name)
	if err != nil {
		return err
	}
	if err := scenarios[name](ctx, config, namespace); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return remove()
}
