// Package conformance runs the Gateway API's own suite, as Istio runs it for its ambient mesh, against the
// cluster that KUBECONFIG names. Its report goes to the file that REPORT names and tells of VERSION.
//
// It judges nothing itself. The settings are those of istio/istio tests/integration/ambient/
// gateway_conformance_test.go, without the profiles of ingress gateways.
package conformance

import (
	"context"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	v1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/apis/v1alpha2"
	"sigs.k8s.io/gateway-api/apis/v1alpha3"
	"sigs.k8s.io/gateway-api/apis/v1beta1"
	"sigs.k8s.io/gateway-api/conformance"
	confv1 "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/gateway-api/conformance/tests"
	suiteconfig "sigs.k8s.io/gateway-api/conformance/utils/config"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
	"sigs.k8s.io/yaml"
)

const (
	meshNamespace = "gateway-conformance-mesh"
	waypoint      = "namespace"
)

// What Istio 1.30.3 skips of the mesh's tests: this one applies the manifest of another.
var skipped = []string{"MeshHTTPRoute307Redirect"}

func TestMeshConformance(t *testing.T) {
	ctx := context.Background()
	cfg, err := config.GetConfig()
	require.NoError(t, err)
	c, err := client.New(cfg, client.Options{})
	require.NoError(t, err)
	for _, add := range []func(*runtime.Scheme) error{
		apiextensionsv1.AddToScheme, v1.Install, v1beta1.Install, v1alpha2.Install, v1alpha3.Install,
	} {
		require.NoError(t, add(c.Scheme()))
	}
	clientset, err := kubernetes.NewForConfig(cfg)
	require.NoError(t, err)

	s, err := suite.NewConformanceTestSuite(suite.ConformanceOptions{
		Client:              c,
		Clientset:           clientset,
		RestConfig:          cfg,
		ManifestFS:          []fs.FS{&conformance.Manifests},
		SupportedFeatures:   claimed(ctx, t, c),
		ConformanceProfiles: sets.New(suite.MeshHTTPConformanceProfileName, suite.MeshGRPCConformanceProfileName),
		NamespaceLabels:     map[string]string{"istio.io/dataplane-mode": "ambient"},
		SkipTests:           skipped,
		TimeoutConfig:       suiteconfig.DefaultTimeoutConfig(),
		Implementation: confv1.Implementation{
			Organization: "labcheck",
			Project:      "pocketmesh",
			Version:      os.Getenv("VERSION"),
		},
	})
	require.NoError(t, err)
	s.Setup(t, tests.ConformanceTests)
	useWaypoint(ctx, t, c)
	require.NoError(t, s.Run(t, tests.ConformanceTests))

	report, err := s.Report()
	require.NoError(t, err)
	text, err := yaml.Marshal(report)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(os.Getenv("REPORT"), text, 0o644))
}

// claimed returns what the cluster says that it supports. Tests of ingress gateways all need Gateway, and
// routes of consumers are not for an ambient mesh.
func claimed(ctx context.Context, t *testing.T, c client.Client) suite.FeaturesSet {
	var class v1.GatewayClass
	require.NoError(t, c.Get(ctx, types.NamespacedName{Name: "istio-waypoint"}, &class))
	found := suite.FeaturesSet{}
	for _, feature := range class.Status.SupportedFeatures {
		found.Insert(features.FeatureName(feature.Name))
	}
	return found.Delete(features.SupportGateway, features.SupportMeshConsumerRoute)
}

// useWaypoint puts a waypoint in front of the mesh's Services, as `istioctl waypoint apply` would.
func useWaypoint(ctx context.Context, t *testing.T, c client.Client) {
	gateway := &v1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Name: waypoint, Namespace: meshNamespace},
		Spec: v1.GatewaySpec{
			GatewayClassName: "istio-waypoint",
			Listeners:        []v1.Listener{{Name: "mesh", Port: 15008, Protocol: "HBONE"}},
		},
	}
	require.NoError(t, c.Create(ctx, gateway))
	ready := func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(gateway), gateway)
		return err == nil && meta.IsStatusConditionTrue(gateway.Status.Conditions, "Programmed"), err
	}
	require.NoError(t, wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, ready))
	label := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"istio.io/use-waypoint":"`+waypoint+`"}}}`))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: meshNamespace}}
	require.NoError(t, c.Patch(ctx, namespace, label))
}
