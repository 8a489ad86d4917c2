package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// election lets three candidates succeed each other: after a resignation, and after a silence.
func election(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	leaders := make(chan string, 3)
	stand := func(name string, resigns bool) (context.CancelFunc, error) {
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: "leader"},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock:            lock,
			LeaseDuration:   2 * time.Second,
			RenewDeadline:   time.Second,
			RetryPeriod:     100 * time.Millisecond,
			ReleaseOnCancel: resigns,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leaders <- name },
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return nil, err
		}
		standing, cancel := context.WithCancel(ctx)
		go elector.Run(standing)
		return cancel, nil
	}
	leads := func(name string, transitions int32) error {
		select {
		case leader := <-leaders:
			if leader != name {
				return fmt.Errorf("%s leads, not %s", leader, name)
			}
		case <-time.After(10 * time.Second):
			return fmt.Errorf("%s never came to lead", name)
		}
		lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "leader", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if *lease.Spec.HolderIdentity != name || *lease.Spec.LeaseTransitions != transitions {
			return fmt.Errorf("the lease says %+v, not %s after %d transitions", lease.Spec, name, transitions)
		}
		return nil
	}
	for index, candidate := range []struct {
		name    string
		resigns bool
	}{{"first", true}, {"second", false}, {"third", true}} {
		leave, err := stand(candidate.name, candidate.resigns)
		if err != nil {
			return err
		}
		defer leave()
		if err := leads(candidate.name, int32(index)); err != nil {
			return err
		}
		leave()
	}
	return nil
}
