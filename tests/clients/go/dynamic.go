package main

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"
)

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.clients.example.org}
spec:
  group: clients.example.org
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget, shortNames: [gg]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: string, enum: [small, large]}
              replicas: {type: integer, default: 1}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, color: {type: string}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

// dynamically defines a resource and uses it through discovery, the REST mapper and untyped clients.
func dynamically(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	if err := builtinsAreFound(found, mapper); err != nil {
		return err
	}
	kind := schema.GroupKind{Group: "clients.example.org", Kind: "Gadget"}
	remove, err := define(ctx, client)
	if err != nil {
		return err
	}
	var mapping *meta.RESTMapping
	if err := eventually(ctx, "the new kind to be discovered", func() (bool, error) {
		mapper.Reset()
		mapping, err = mapper.RESTMapping(kind)
		if meta.IsNoMatchError(err) {
			return false, nil
		}
		return err == nil, err
	}); err != nil {
		return err
	}
	short, err := restmapper.NewShortcutExpander(mapper, found, nil).ResourceFor(schema.GroupVersionResource{Resource: "gg"})
	if err != nil || short != mapping.Resource {
		return fmt.Errorf("gg is %v, %w", short, err)
	}
	if err := useGadgets(ctx, config, client, mapping.Resource, namespace); err != nil {
		return err
	}
	if err := scaleGadget(ctx, config, found, mapper, mapping.Resource, namespace); err != nil {
		return err
	}
	if err := remove(); err != nil {
		return err
	}
	return eventually(ctx, "the kind to be unknown", func() (bool, error) {
		mapper.Reset()
		_, err := mapper.RESTMapping(kind)
		if meta.IsNoMatchError(err) {
			return true, nil
		}
		return false, err
	})
}

// builtinsAreFound looks for kinds by the names that people use.
func builtinsAreFound(found discovery.DiscoveryInterface, mapper meta.ResettableRESTMapper) error {
	groups, resources, err := found.ServerGroupsAndResources()
	if err != nil {
		return err
	}
	preferred, err := found.ServerPreferredResources()
	if err != nil {
		return err
	}
	version, err := found.ServerVersion()
	if err != nil {
		return err
	}
	if len(groups) < 10 || len(resources) < len(preferred) || version.Major != "1" {
		return fmt.Errorf("%d groups, %d lists of resources, %d preferred, version %v", len(groups), len(resources), len(preferred), version)
	}
	expander := restmapper.NewShortcutExpander(mapper, found, nil)
	for name, want := range map[string]schema.GroupVersionKind{
		"deploy":                    {Group: "apps", Version: "v1", Kind: "Deployment"},
		"pods":                      {Version: "v1", Kind: "Pod"},
		"svc":                       {Version: "v1", Kind: "Service"},
		"crd":                       {Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
		"horizontalpodautoscalers":  {Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
		"customresourcedefinitions": {Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
	} {
		got, err := expander.KindFor(schema.GroupVersionResource{Resource: name})
		if err != nil || got != want {
			return fmt.Errorf("%s is %v, %w", name, got, err)
		}
	}
	return nil
}

// define makes a custom resource and waits until it is established. The function it returns removes it.
func define(ctx context.Context, client dynamic.Interface) (func() error, error) {
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(definition), &crd.Object); err != nil {
		return nil, err
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err := crds.Create(ctx, crd, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	remove := func() error { return crds.Delete(ctx, crd.GetName(), metav1.DeleteOptions{}) }
	return remove, eventually(ctx, "the definition to be established", func() (bool, error) {
		got, err := crds.Get(ctx, crd.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, err := unstructured.NestedSlice(got.Object, "status", "conditions")
		for _, condition := range conditions {
			if c := condition.(map[string]any); c["type"] == "Established" && c["status"] == "True" {
				return true, nil
			}
		}
		return false, err
	})
}

// useGadgets does with custom resources all that one can, under the eyes of two informers.
func useGadgets(ctx context.Context, config *rest.Config, client dynamic.Interface, resource schema.GroupVersionResource, namespace string) error {
	gadgets := client.Resource(resource).Namespace(namespace)
	running, stop := context.WithCancel(ctx)
	defer stop()
	whole := dynamicinformer.NewFilteredDynamicInformer(client, resource, namespace, 0, cache.Indexers{}, nil).Informer()
	heads, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	partial := metadatainformer.NewFilteredMetadataInformer(heads, resource, namespace, 0, cache.Indexers{}, nil).Informer()
	wholeView, err := viewOf(whole)
	if err != nil {
		return err
	}
	partialView, err := viewOf(partial)
	if err != nil {
		return err
	}
	go whole.Run(running.Done())
	go partial.Run(running.Done())
	syncing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !cache.WaitForCacheSync(syncing.Done(), whole.HasSynced, partial.HasSynced) {
		return fmt.Errorf("the informers of %v never synced", resource)
	}
	for i := range 20 {
		if _, err := gadgets.Create(ctx, gadget(fmt.Sprintf("g%d", i), "small"), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	for _, act := range []func(context.Context, dynamic.ResourceInterface) error{validated, patched, statusApart, applied} {
		if err := act(ctx, gadgets); err != nil {
			return err
		}
	}
	if err := gadgets.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "size=doomed"}); err != nil {
		return err
	}
	list := func() (runtime.Object, error) { return gadgets.List(ctx, metav1.ListOptions{}) }
	if err := sameAsList(ctx, "gadgets", whole.GetStore(), wholeView, list); err != nil {
		return err
	}
	part := func() (runtime.Object, error) {
		return heads.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	}
	return sameAsList(ctx, "the gadgets' metadata", partial.GetStore(), partialView, part)
}

func validated(ctx context.Context, gadgets dynamic.ResourceInterface) error {
	_, err := gadgets.Create(ctx, gadget("wrong", "enormous"), metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) {
		return fmt.Errorf("an unknown size is answered with %v", err)
	}
	got, err := gadgets.Get(ctx, "g0", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if replicas, _, err := unstructured.NestedInt64(got.Object, "spec", "replicas"); replicas != 1 {
		return fmt.Errorf("replicas default to %d, %w", replicas, err)
	}
	return nil
}

func patched(ctx context.Context, gadgets dynamic.ResourceInterface) error {
	for kind, body := range map[types.PatchType]string{
		types.MergePatchType: `{"metadata":{"labels":{"size":"doomed"}}}`,
		types.JSONPatchType:  `[{"op":"test","path":"/spec/size","value":"small"},{"op":"add","path":"/spec/parts","value":[{"name":"lid"}]}]`,
	} {
		if _, err := gadgets.Patch(ctx, "g1", kind, []byte(body), metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	_, err := gadgets.Patch(ctx, "g1", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
	if !apierrors.IsUnsupportedMediaType(err) {
		return fmt.Errorf("a strategic patch of a custom resource is answered with %v", err)
	}
	return nil
}

// statusApart holds the status subresource to its separation from the rest.
func statusApart(ctx context.Context, gadgets dynamic.ResourceInterface) error {
	got, err := gadgets.Get(ctx, "g2", metav1.GetOptions{})
	if err != nil {
		return err
	}
	generation := got.GetGeneration()
	got.Object["status"] = map[string]any{"phase": "Ready", "replicas": int64(1)}
	got.Object["spec"].(map[string]any)["size"] = "large"
	if got, err = gadgets.UpdateStatus(ctx, got, metav1.UpdateOptions{}); err != nil {
		return err
	}
	size, _, _ := unstructured.NestedString(got.Object, "spec", "size")
	phase, _, _ := unstructured.NestedString(got.Object, "status", "phase")
	if size != "small" || phase != "Ready" || got.GetGeneration() != generation {
		return fmt.Errorf("an update of the status left %v", got.Object)
	}
	got.Object["status"] = map[string]any{"phase": "Lost"}
	got.Object["spec"].(map[string]any)["size"] = "large"
	if got, err = gadgets.Update(ctx, got, metav1.UpdateOptions{}); err != nil {
		return err
	}
	size, _, _ = unstructured.NestedString(got.Object, "spec", "size")
	phase, _, _ = unstructured.NestedString(got.Object, "status", "phase")
	if size != "large" || phase != "Ready" || got.GetGeneration() != generation+1 {
		return fmt.Errorf("an update of the rest left %v", got.Object)
	}
	return nil
}

// applied lets two managers share one object by server-side apply, and quarrel about it.
func applied(ctx context.Context, gadgets dynamic.ResourceInterface) error {
	mine, yours := gadget("shared", "small"), gadget("shared", "large")
	part := func(name string) []any { return []any{map[string]any{"name": name, "color": "red"}} }
	mine.Object["spec"].(map[string]any)["parts"] = part("lid")
	if _, err := gadgets.Apply(ctx, "shared", mine, metav1.ApplyOptions{FieldManager: "me"}); err != nil {
		return err
	}
	yours.Object["spec"].(map[string]any)["parts"] = part("base")
	_, err := gadgets.Apply(ctx, "shared", yours, metav1.ApplyOptions{FieldManager: "you"})
	if !apierrors.IsConflict(err) || !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict) {
		return fmt.Errorf("applying over another's field is answered with %v", err)
	}
	got, err := gadgets.Apply(ctx, "shared", yours, metav1.ApplyOptions{FieldManager: "you", Force: true})
	if err != nil {
		return err
	}
	size, _, _ := unstructured.NestedString(got.Object, "spec", "size")
	parts, _, _ := unstructured.NestedSlice(got.Object, "spec", "parts")
	if size != "large" || len(parts) != 2 {
		return fmt.Errorf("two managers applied %v", got.Object)
	}
	delete(yours.Object["spec"].(map[string]any), "parts")
	if got, err = gadgets.Apply(ctx, "shared", yours, metav1.ApplyOptions{FieldManager: "you"}); err != nil {
		return err
	}
	if parts, _, _ = unstructured.NestedSlice(got.Object, "spec", "parts"); len(parts) != 1 {
		return fmt.Errorf("what is no longer applied is still there: %v", parts)
	}
	return nil
}

// scaleGadget reads and writes a scale through the client that autoscalers use.
func scaleGadget(ctx context.Context, config *rest.Config, found discovery.DiscoveryInterface, mapper meta.RESTMapper, resource schema.GroupVersionResource, namespace string) error {
	scales, err := scale.NewForConfig(config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(found))
	if err != nil {
		return err
	}
	now, err := scales.Scales(namespace).Get(ctx, resource.GroupResource(), "g2", metav1.GetOptions{})
	if err != nil {
		return err
	}
	now.Spec.Replicas = 4
	if now, err = scales.Scales(namespace).Update(ctx, resource.GroupResource(), now, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if now.Spec.Replicas != 4 || now.Status.Replicas != 1 {
		return fmt.Errorf("scaled to %+v %+v", now.Spec, now.Status)
	}
	return nil
}

func gadget(name, size string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "clients.example.org/v1",
		"kind":       "Gadget",
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"size": size},
	}}
}
