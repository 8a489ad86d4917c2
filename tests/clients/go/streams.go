package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

const helloworldImage = "docker.io/istio/examples-helloworld-v1:1.0"

// streams runs programs, reads a log and forwards a port, each over both of client-go's transports.
func streams(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pod := sleeper("server")
	pod.Spec.Containers[0].Image, pod.Spec.Containers[0].Command = helloworldImage, nil
	pods := client.CoreV1().Pods(namespace)
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return err
	}
	err = eventually(ctx, "the pod to be ready", func() (bool, error) {
		got, err := pods.Get(ctx, "server", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range got.Status.Conditions {
			if condition.Type == corev1.PodReady {
				return condition.Status == corev1.ConditionTrue, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	at := func(verb string) *rest.Request {
		return client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name("server").SubResource(verb)
	}
	for name, connect := range executors(config) {
		if err := executes(ctx, at, connect); err != nil {
			return fmt.Errorf("exec over %s: %w", name, err)
		}
	}
	for name, connect := range dialers(config) {
		dialer, err := connect(at("portforward").URL())
		if err == nil {
			err = forwards(dialer)
		}
		if err != nil {
			return fmt.Errorf("port-forward over %s: %w", name, err)
		}
	}
	return nil
}

type executor func(*url.URL) (remotecommand.Executor, error)

func executors(config *rest.Config) map[string]executor {
	return map[string]executor{
		"WebSocket": func(at *url.URL) (remotecommand.Executor, error) {
			return remotecommand.NewWebSocketExecutor(config, http.MethodGet, at.String())
		},
		"SPDY": func(at *url.URL) (remotecommand.Executor, error) {
			return remotecommand.NewSPDYExecutor(config, http.MethodPost, at)
		},
	}
}

// executes runs a program that reads all it is given, writes to both outputs and ends with 7.
func executes(ctx context.Context, at func(string) *rest.Request, connect executor) error {
	options := &corev1.PodExecOptions{
		Container: "main", Stdin: true, Stdout: true, Stderr: true,
		Command: []string{"sh", "-c", "cat; echo trouble >&2; exit 7"},
	}
	executor, err := connect(at("exec").VersionedParams(options, scheme.ParameterCodec).URL())
	if err != nil {
		return err
	}
	given := strings.Repeat("0123456789abcdef", 20_000)
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader(given), Stdout: &stdout, Stderr: &stderr})
	var exit exec.CodeExitError
	if !errors.As(err, &exit) || exit.Code != 7 {
		return fmt.Errorf("unexpected end: %v", err)
	}
	if stdout.String() != given {
		return fmt.Errorf("%d bytes came back of %d", stdout.Len(), len(given))
	}
	if stderr.String() != "trouble\n" {
		return fmt.Errorf("unexpected stderr %q", stderr.String())
	}
	return nil
}

type connector func(*url.URL) (httpstream.Dialer, error)

func dialers(config *rest.Config) map[string]connector {
	return map[string]connector{
		"WebSocket": func(at *url.URL) (httpstream.Dialer, error) {
			return portforward.NewSPDYOverWebsocketDialer(at, config)
		},
		"SPDY": func(at *url.URL) (httpstream.Dialer, error) {
			transport, upgrader, err := spdy.RoundTripperFor(config)
			return spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, at), err
		},
	}
}

// forwards asks the server in the pod the same question several times through one forwarded port.
func forwards(dialer httpstream.Dialer) error {
	stop, ready := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{"0:5000"}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		return fmt.Errorf("ended before it was ready: %w", err)
	case <-ready:
	}
	defer close(stop)
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	for range 5 {
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(fmt.Sprintf("http://127.0.0.1:%d/hello", ports[0].Local))
		if err != nil {
			return err
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.HasPrefix(string(body), "Hello version: v1") {
			return fmt.Errorf("unexpected answer %q, %v", body, err)
		}
	}
	return nil
}
