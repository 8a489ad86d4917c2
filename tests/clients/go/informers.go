package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

const (
	configMaps = 60
	writers    = 8
	increments = 5
)

// A view is what an informer's events add up to; it must be what its store holds.
type view struct {
	mutex   sync.Mutex
	objects map[string]runtime.Object
	wrong   error
}

func viewOf(informer cache.SharedIndexInformer) (*view, error) {
	seen := &view{objects: map[string]runtime.Object{}}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { seen.take("added", obj, false) },
		UpdateFunc: func(_, obj any) { seen.take("updated", obj, true) },
		DeleteFunc: func(obj any) { seen.drop(obj) },
	})
	return seen, err
}

func (v *view) take(how string, obj any, known bool) {
	key, err := cache.MetaNamespaceKeyFunc(obj)
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if _, found := v.objects[key]; err == nil && found != known {
		err = fmt.Errorf("%s was %s although known=%v", key, how, found)
	}
	if v.wrong == nil {
		v.wrong = err
	}
	v.objects[key] = obj.(runtime.Object)
}

func (v *view) drop(obj any) {
	key, _ := cache.DeletionHandlingMetaNamespaceKeyFunc(obj)
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if _, missed := obj.(cache.DeletedFinalStateUnknown); missed && v.wrong == nil {
		v.wrong = fmt.Errorf("the deletion of %s was missed", key)
	}
	delete(v.objects, key)
}

// informers holds typed informers to a list made at the end, after objects came, changed and went.
func informers(ctx context.Context, config *rest.Config, namespace string) error {
	config, requests := tapped(config, func(r *http.Request) string {
		query := r.URL.Query()
		switch {
		case query.Get("watch") == "true" && query.Get("sendInitialEvents") == "true":
			return "watch-list"
		case r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/vnd.kubernetes.protobuf":
			return "protobuf"
		}
		return r.Method
	})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	// One object is there before the informers start, so that the initial state is not empty.
	if err := createConfigMap(ctx, client, namespace, "before"); err != nil {
		return err
	}
	factory := clientinformers.NewSharedInformerFactoryWithOptions(client, 0, clientinformers.WithNamespace(namespace))
	watched := map[string]cache.SharedIndexInformer{
		"configmaps":  factory.Core().V1().ConfigMaps().Informer(),
		"deployments": factory.Apps().V1().Deployments().Informer(),
		"pods":        factory.Core().V1().Pods().Informer(),
	}
	views := map[string]*view{}
	for name, informer := range watched {
		if views[name], err = viewOf(informer); err != nil {
			return err
		}
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	factory.Start(running.Done())
	syncing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for kind, synced := range factory.WaitForCacheSync(syncing.Done()) {
		if !synced {
			return fmt.Errorf("the informer of %v never synced", kind)
		}
	}
	for _, act := range []func(context.Context, kubernetes.Interface, string) error{
		churnConfigMaps, countTogether, errorsAsExpected, pages, deployAndScale, barePod,
	} {
		if err := act(ctx, client, namespace); err != nil {
			return err
		}
	}
	lists := map[string]func() (runtime.Object, error){
		"configmaps": func() (runtime.Object, error) {
			return client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})
		},
		"deployments": func() (runtime.Object, error) {
			return client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		},
		"pods": func() (runtime.Object, error) {
			return client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		},
	}
	for name, list := range lists {
		if err := sameAsList(ctx, name, watched[name].GetStore(), views[name], list); err != nil {
			return err
		}
	}
	for _, name := range []string{"watch-list", "protobuf"} {
		if requests.of(name) == 0 {
			return fmt.Errorf("no %s request was made, so nothing was proved about them", name)
		}
	}
	return nil
}

// sameAsList waits for store, events and list to agree: the list may be a moment ahead.
func sameAsList(ctx context.Context, name string, store cache.Store, seen *view, list func() (runtime.Object, error)) error {
	difference := ""
	err := eventually(ctx, name+" to agree", func() (bool, error) {
		listed, err := list()
		if err != nil {
			return false, err
		}
		items, err := meta.ExtractList(listed)
		if err != nil {
			return false, err
		}
		seen.mutex.Lock()
		defer seen.mutex.Unlock()
		if seen.wrong != nil {
			return false, seen.wrong
		}
		difference = fmt.Sprintf("list %d, store %d, events %d", len(items), len(store.List()), len(seen.objects))
		if len(items) != len(store.List()) || len(items) != len(seen.objects) {
			return false, nil
		}
		for _, item := range items {
			key, _ := cache.MetaNamespaceKeyFunc(item)
			kept, _, _ := store.GetByKey(key)
			if part, is := item.(*metav1.PartialObjectMetadata); is {
				part.TypeMeta = metav1.TypeMeta{} // which client-go leaves in lists and takes out of watches
			}
			if !equality.Semantic.DeepEqual(kept, item) || !equality.Semantic.DeepEqual(seen.objects[key], item) {
				difference = fmt.Sprintf("%s: listed %+v, kept %+v", key, item, kept)
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("%w (%s)", err, difference)
	}
	return nil
}

func createConfigMap(ctx context.Context, client kubernetes.Interface, namespace, name string) error {
	data := map[string]string{"n": "0"}
	made := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"made": "here"}}, Data: data}
	_, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, made, metav1.CreateOptions{})
	return err
}

// churnConfigMaps creates, updates, patches and deletes, some one by one and some as a collection.
func churnConfigMaps(ctx context.Context, client kubernetes.Interface, namespace string) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	for i := range configMaps {
		name := fmt.Sprintf("cm-%03d", i)
		if err := createConfigMap(ctx, client, namespace, name); err != nil {
			return err
		}
		got, err := maps.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		got.Data["n"] = fmt.Sprint(i)
		got.BinaryData = map[string][]byte{"bytes": {0, 1, 254, 255}}
		if got, err = maps.Update(ctx, got, metav1.UpdateOptions{}); err != nil {
			return err
		}
		if got.BinaryData["bytes"][2] != 254 {
			return fmt.Errorf("%s lost its bytes: %v", name, got.BinaryData)
		}
		if i%3 == 0 {
			patch := []byte(`{"metadata":{"labels":{"doomed":"yes"}},"data":{"n":null}}`)
			if _, err = maps.Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
				return err
			}
		}
		if i%3 == 1 {
			if err = maps.Delete(ctx, name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(got.UID))}); err != nil {
				return err
			}
		}
	}
	return maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "doomed=yes"})
}

// countTogether lets several writers count up one number: each conflict must be noticed and retried.
func countTogether(ctx context.Context, client kubernetes.Interface, namespace string) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	if err := createConfigMap(ctx, client, namespace, "counter"); err != nil {
		return err
	}
	backoff := retry.DefaultBackoff
	backoff.Steps = 50
	failures := make(chan error, writers)
	for range writers {
		go func() {
			var err error
			for range increments {
				if err == nil {
					err = retry.RetryOnConflict(backoff, func() error { return increment(ctx, maps.Get, maps.Update) })
				}
			}
			failures <- err
		}()
	}
	for range writers {
		if err := <-failures; err != nil {
			return err
		}
	}
	got, err := maps.Get(ctx, "counter", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if want := fmt.Sprint(writers * increments); got.Data["n"] != want {
		return fmt.Errorf("counted to %s together, not to %s", got.Data["n"], want)
	}
	return nil
}

func increment(
	ctx context.Context,
	get func(context.Context, string, metav1.GetOptions) (*corev1.ConfigMap, error),
	update func(context.Context, *corev1.ConfigMap, metav1.UpdateOptions) (*corev1.ConfigMap, error),
) error {
	got, err := get(ctx, "counter", metav1.GetOptions{})
	if err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscan(got.Data["n"], &n); err != nil {
		return err
	}
	got.Data["n"] = fmt.Sprint(n + 1)
	_, err = update(ctx, got, metav1.UpdateOptions{})
	return err
}

// errorsAsExpected holds failures to the predicates that controllers decide by.
func errorsAsExpected(ctx context.Context, client kubernetes.Interface, namespace string) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	_, missing := maps.Get(ctx, "nothing", metav1.GetOptions{})
	twice := createConfigMap(ctx, client, namespace, "before")
	got, err := maps.Get(ctx, "before", metav1.GetOptions{})
	if err != nil {
		return err
	}
	got.ResourceVersion = "1"
	_, stale := maps.Update(ctx, got, metav1.UpdateOptions{})
	invalid := createConfigMap(ctx, client, namespace, "Not_A_Name")
	uid := metav1.NewUIDPreconditions("6b1d5ad0-0000-0000-0000-000000000000")
	other := maps.Delete(ctx, "before", metav1.DeleteOptions{Preconditions: uid})
	elsewhere := createConfigMap(ctx, client, "no-such-namespace", "one")
	for _, row := range []struct {
		what string
		err  error
		is   func(error) bool
	}{
		{"getting what is not there", missing, apierrors.IsNotFound},
		{"creating twice", twice, apierrors.IsAlreadyExists},
		{"updating from a stale state", stale, apierrors.IsConflict},
		{"creating with a wrong name", invalid, apierrors.IsInvalid},
		{"deleting another's uid", other, apierrors.IsConflict},
		{"creating in no namespace", elsewhere, apierrors.IsNotFound},
	} {
		if !row.is(row.err) {
			return fmt.Errorf("%s: unexpected %v", row.what, row.err)
		}
	}
	return nil
}

// pages reads a list in pieces.
func pages(ctx context.Context, client kubernetes.Interface, namespace string) error {
	whole, err := client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	read, names := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return client.CoreV1().ConfigMaps(namespace).List(ctx, options)
	})), []string{}
	read.PageSize = 7
	if err := read.EachListItem(ctx, metav1.ListOptions{}, func(obj runtime.Object) error {
		names = append(names, obj.(*corev1.ConfigMap).Name)
		return nil
	}); err != nil {
		return err
	}
	if len(names) != len(whole.Items) {
		return fmt.Errorf("%d objects in pages, %d in one list", len(names), len(whole.Items))
	}
	return nil
}

// deployAndScale follows Deployments through a rollout, a change of scale and their end.
func deployAndScale(ctx context.Context, client kubernetes.Interface, namespace string) error {
	deployments := client.AppsV1().Deployments(namespace)
	for _, name := range []string{"stays", "goes"} {
		if _, err := deployments.Create(ctx, deployment(name, 1), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	available := func(name string, replicas int32) error {
		return eventually(ctx, name+" to be available", func() (bool, error) {
			got, err := deployments.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			s := got.Status
			return s.ObservedGeneration == got.Generation && s.AvailableReplicas == replicas && s.UpdatedReplicas == replicas && s.Replicas == replicas, nil
		})
	}
	if err := available("stays", 1); err != nil {
		return err
	}
	scale, err := deployments.GetScale(ctx, "stays", metav1.GetOptions{})
	if err != nil {
		return err
	}
	scale.Spec.Replicas = 3
	if _, err = deployments.UpdateScale(ctx, "stays", scale, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err := available("stays", 3); err != nil {
		return err
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		got, err := deployments.Get(ctx, "stays", metav1.GetOptions{})
		if err != nil {
			return err
		}
		got.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "GENERATION", Value: "2"}}
		_, err = deployments.Update(ctx, got, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if err := available("stays", 3); err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	if err := deployments.Delete(ctx, "goes", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return err
	}
	return eventually(ctx, "the deployment and its pods to be gone", func() (bool, error) {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=goes"})
		if err != nil || len(pods.Items) > 0 {
			return false, err
		}
		_, err = deployments.Get(ctx, "goes", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
}

// barePod follows one pod to Running and to its end, through a watch rather than a poll.
func barePod(ctx context.Context, client kubernetes.Interface, namespace string) error {
	pods := client.CoreV1().Pods(namespace)
	made, err := pods.Create(ctx, sleeper("bare"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	changes, err := pods.Watch(limit, metav1.ListOptions{FieldSelector: "metadata.name=bare", ResourceVersion: made.ResourceVersion})
	if err != nil {
		return err
	}
	defer changes.Stop()
	for event := range changes.ResultChan() {
		pod, is := event.Object.(*corev1.Pod)
		switch {
		case !is:
			return fmt.Errorf("the watch of a pod said %s %v", event.Type, event.Object)
		case event.Type == "DELETED":
			return nil
		case pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil:
			if err := pods.Delete(ctx, "bare", metav1.DeleteOptions{GracePeriodSeconds: pointer[int64](0)}); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("the watch of a pod ended before the pod did")
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: sleeper("").Spec},
		},
	}
}

func sleeper(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: pointer[int64](1),
			Containers:                    []corev1.Container{{Name: "main", Image: curlImage, Command: []string{"sleep", "infinity"}}},
		},
	}
}
