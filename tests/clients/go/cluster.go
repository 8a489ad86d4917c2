package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const curlImage = "docker.io/curlimages/curl:8.16.0"

// inNamespace makes a namespace with a generated name. The function it returns deletes it and waits
// until it is gone with everything in it.
func inNamespace(ctx context.Context, config *rest.Config, prefix string) (string, func() error, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", nil, err
	}
	spaces := client.CoreV1().Namespaces()
	made, err := spaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"}}, metav1.CreateOptions{})
	if err != nil {
		return "", nil, fmt.Errorf("cannot create a namespace: %w", err)
	}
	remove := func() error {
		if err := spaces.Delete(ctx, made.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		return eventually(ctx, "the namespace to be gone", func() (bool, error) {
			_, err := spaces.Get(ctx, made.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil
			}
			return false, err
		})
	}
	return made.Name, remove, nil
}

// eventually waits up to 20 seconds for something to be so.
func eventually(ctx context.Context, what string, so func() (bool, error)) error {
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		return so()
	})
	if err != nil {
		return fmt.Errorf("waited for %s: %w", what, err)
	}
	return nil
}

// A tap counts the requests that pass and match something.
type tap struct {
	mutex  sync.Mutex
	counts map[string]int
	match  func(*http.Request) string
}

// tapped returns a copy of the configuration whose requests are counted by what match calls them.
func tapped(config *rest.Config, match func(*http.Request) string) (*rest.Config, *tap) {
	counted := &tap{counts: map[string]int{}, match: match}
	watched := rest.CopyConfig(config)
	watched.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			counted.mutex.Lock()
			counted.counts[match(request)]++
			counted.mutex.Unlock()
			return next.RoundTrip(request)
		})
	})
	return watched, counted
}

func (t *tap) of(name string) int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.counts[name]
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func pointer[T any](value T) *T { return &value }
