package main

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// protobuf sends every typed object twice, in protobuf and in JSON: the server must have understood the same.
func protobuf(ctx context.Context, config *rest.Config, namespace string) error {
	binary, text := rest.CopyConfig(config), rest.CopyConfig(config)
	binary.ContentType = runtime.ContentTypeProtobuf
	binary.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	text.ContentType = runtime.ContentTypeJSON
	inProtobuf, err := kubernetes.NewForConfig(binary)
	if err != nil {
		return err
	}
	inJSON, err := kubernetes.NewForConfig(text)
	if err != nil {
		return err
	}
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	for _, object := range everything(namespace) {
		one, err := created(ctx, inProtobuf, namespace, object, dry)
		if err != nil {
			return fmt.Errorf("%T in protobuf: %w", object, err)
		}
		other, err := created(ctx, inJSON, namespace, object, dry)
		if err != nil {
			return fmt.Errorf("%T in JSON: %w", object, err)
		}
		if !equality.Semantic.DeepEqual(one, other) {
			return fmt.Errorf("%T in protobuf and in JSON:\n%s", object, difference(one, other))
		}
	}
	return reviews(ctx, inProtobuf, namespace)
}

// difference is the lines that only one of two objects has, and the line before them.
func difference(one, other any) string {
	was, _ := yaml.Marshal(one)
	is, _ := yaml.Marshal(other)
	left, right := strings.Split(string(was), "\n"), strings.Split(string(is), "\n")
	start, end := 0, 0
	for start < min(len(left), len(right)) && left[start] == right[start] {
		start++
	}
	for end < min(len(left), len(right))-start && left[len(left)-1-end] == right[len(right)-1-end] {
		end++
	}
	lines := left[max(start-1, 0):start]
	for _, line := range left[start : len(left)-end] {
		lines = append(lines, "- "+line)
	}
	for _, line := range right[start : len(right)-end] {
		lines = append(lines, "+ "+line)
	}
	return strings.Join(lines, "\n")
}

// reviews asks the questions whose answers come with the request.
func reviews(ctx context.Context, client kubernetes.Interface, namespace string) error {
	self, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil || self.Status.UserInfo.Username == "" {
		return fmt.Errorf("SelfSubjectReview says %+v, %w", self, err)
	}
	access := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "create", Group: "apps", Resource: "deployments"},
	}}
	if access, err = client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, access, metav1.CreateOptions{}); err != nil || !access.Status.Allowed {
		return fmt.Errorf("SelfSubjectAccessReview says %+v, %w", access, err)
	}
	other := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "nobody",
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "create", Group: "apps", Resource: "deployments"},
	}}
	if other, err = client.AuthorizationV1().SubjectAccessReviews().Create(ctx, other, metav1.CreateOptions{}); err != nil || other.Status.Allowed {
		return fmt.Errorf("SubjectAccessReview says %+v, %w", other, err)
	}
	accounts := client.CoreV1().ServiceAccounts(namespace)
	if _, err = accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: pointer[int64](3600)}}
	if token, err = accounts.CreateToken(ctx, "robot", token, metav1.CreateOptions{}); err != nil {
		return err
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}
	review, err = client.AuthenticationV1().TokenReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if want := "system:serviceaccount:" + namespace + ":robot"; review.Status.User.Username != want {
		return fmt.Errorf("the token of %s belongs to %+v", want, review.Status)
	}
	return nil
}

// created creates one object and leaves out what differs from one creation to the next.
func created(ctx context.Context, client kubernetes.Interface, namespace string, object metav1.Object, options metav1.CreateOptions) (metav1.Object, error) {
	made, err := create(ctx, client, namespace, object, options)
	if err != nil {
		return nil, err
	}
	made.SetUID("")
	made.SetCreationTimestamp(metav1.Time{})
	made.SetResourceVersion("")
	managed := made.GetManagedFields()
	for i := range managed {
		managed[i].Time = nil
	}
	return made, nil
}

// create calls the typed client for the object's kind; the interfaces share no type, only a shape.
func create(ctx context.Context, client kubernetes.Interface, namespace string, object metav1.Object, options metav1.CreateOptions) (metav1.Object, error) {
	var resource any
	switch object.(type) {
	case *corev1.Namespace:
		resource = client.CoreV1().Namespaces()
	case *corev1.ConfigMap:
		resource = client.CoreV1().ConfigMaps(namespace)
	case *corev1.Secret:
		resource = client.CoreV1().Secrets(namespace)
	case *corev1.ServiceAccount:
		resource = client.CoreV1().ServiceAccounts(namespace)
	case *corev1.Service:
		resource = client.CoreV1().Services(namespace)
	case *corev1.Pod:
		resource = client.CoreV1().Pods(namespace)
	case *corev1.PersistentVolumeClaim:
		resource = client.CoreV1().PersistentVolumeClaims(namespace)
	case *corev1.ResourceQuota:
		resource = client.CoreV1().ResourceQuotas(namespace)
	case *corev1.LimitRange:
		resource = client.CoreV1().LimitRanges(namespace)
	case *corev1.Event:
		resource = client.CoreV1().Events(namespace)
	case *appsv1.Deployment:
		resource = client.AppsV1().Deployments(namespace)
	case *appsv1.StatefulSet:
		resource = client.AppsV1().StatefulSets(namespace)
	case *appsv1.DaemonSet:
		resource = client.AppsV1().DaemonSets(namespace)
	case *batchv1.Job:
		resource = client.BatchV1().Jobs(namespace)
	case *batchv1.CronJob:
		resource = client.BatchV1().CronJobs(namespace)
	case *rbacv1.Role:
		resource = client.RbacV1().Roles(namespace)
	case *rbacv1.RoleBinding:
		resource = client.RbacV1().RoleBindings(namespace)
	case *rbacv1.ClusterRole:
		resource = client.RbacV1().ClusterRoles()
	case *rbacv1.ClusterRoleBinding:
		resource = client.RbacV1().ClusterRoleBindings()
	case *networkingv1.Ingress:
		resource = client.NetworkingV1().Ingresses(namespace)
	case *networkingv1.NetworkPolicy:
		resource = client.NetworkingV1().NetworkPolicies(namespace)
	case *policyv1.PodDisruptionBudget:
		resource = client.PolicyV1().PodDisruptionBudgets(namespace)
	case *autoscalingv2.HorizontalPodAutoscaler:
		resource = client.AutoscalingV2().HorizontalPodAutoscalers(namespace)
	case *coordinationv1.Lease:
		resource = client.CoordinationV1().Leases(namespace)
	case *discoveryv1.EndpointSlice:
		resource = client.DiscoveryV1().EndpointSlices(namespace)
	case *schedulingv1.PriorityClass:
		resource = client.SchedulingV1().PriorityClasses()
	case *storagev1.StorageClass:
		resource = client.StorageV1().StorageClasses()
	case *admissionv1.ValidatingWebhookConfiguration:
		resource = client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	case *admissionv1.MutatingWebhookConfiguration:
		resource = client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	default:
		return nil, fmt.Errorf("no client for %T", object)
	}
	arguments := []reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(object), reflect.ValueOf(options)}
	results := reflect.ValueOf(resource).MethodByName("Create").Call(arguments)
	if err, failed := results[1].Interface().(error); failed {
		return nil, err
	}
	return results[0].Interface().(metav1.Object), nil
}

// everything is one object of each kind that clients create, with the fields that are hard to get right.
func everything(namespace string) []metav1.Object {
	meta := metav1.ObjectMeta{
		Name:            "sample",
		Labels:          map[string]string{"app": "sample", "empty": ""},
		Annotations:     map[string]string{"note": "ünïcode"},
		Finalizers:      []string{"example.org/hold"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "1-2-3", BlockOwnerDeletion: pointer(false)}},
	}
	bare := metav1.ObjectMeta{Name: "sample"}
	selector := &metav1.LabelSelector{
		MatchLabels:      map[string]string{"app": "sample"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"x", "y"}}},
	}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "sample"}}, Spec: richPod()}
	once := *template.DeepCopy()
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	once.Spec.InitContainers = nil
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}, ResourceNames: []string{"one"}}}
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Name: "robot", Namespace: namespace}, {Kind: "Group", Name: "all", APIGroup: rbacv1.GroupName}}
	hundred := resource.MustParse("100Mi")
	return []metav1.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sample", Labels: map[string]string{"istio.io/dataplane-mode": "ambient"}}},
		&corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"a": "b", "empty": ""}, BinaryData: map[string][]byte{"raw": {0, 255}}, Immutable: pointer(true)},
		&corev1.Secret{ObjectMeta: bare, Type: "helm.sh/release.v1", Data: map[string][]byte{"release": {1, 2, 3}}, StringData: map[string]string{"text": "plain"}},
		&corev1.ServiceAccount{ObjectMeta: bare, AutomountServiceAccountToken: pointer(false), ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}}},
		&corev1.Service{ObjectMeta: bare, Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: map[string]string{"app": "sample"},
			SessionAffinity: corev1.ServiceAffinityClientIP,
			Ports: []corev1.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromString("web"), AppProtocol: pointer("http")},
				{Name: "dns", Port: 53, TargetPort: intstr.FromInt32(5353), Protocol: corev1.ProtocolUDP},
			},
		}},
		&corev1.Pod{ObjectMeta: meta, Spec: richPod()},
		&corev1.PersistentVolumeClaim{ObjectMeta: bare, Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: pointer("standard"),
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1.5Gi")}},
		}},
		&corev1.ResourceQuota{ObjectMeta: bare, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("10"), "limits.cpu": resource.MustParse("1500m")}}},
		&corev1.LimitRange{ObjectMeta: bare, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Default: corev1.ResourceList{"memory": hundred}}}}},
		&corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "sample.1", Namespace: namespace}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "x"},
			Reason: "Tested", Message: "hello", Type: "Normal", Count: 2, FirstTimestamp: metav1.Unix(1700000000, 0), LastTimestamp: metav1.Unix(1700000001, 0),
			Source: corev1.EventSource{Component: "test"}},
		&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
			Replicas: pointer[int32](0), Selector: selector, Template: template, MinReadySeconds: 3, Paused: true, ProgressDeadlineSeconds: pointer[int32](77),
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: pointer(intstr.FromString("30%")), MaxSurge: pointer(intstr.FromInt32(2))}},
		}},
		&appsv1.StatefulSet{ObjectMeta: bare, Spec: appsv1.StatefulSetSpec{
			ServiceName: "sample", Selector: selector, Template: template, PodManagementPolicy: appsv1.ParallelPodManagement,
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: hundred}},
			}}},
		}},
		&appsv1.DaemonSet{ObjectMeta: bare, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}},
		// The selector that a server makes up holds the uid, which differs.
		&batchv1.Job{ObjectMeta: bare, Spec: batchv1.JobSpec{ManualSelector: pointer(true), Selector: selector, Completions: pointer[int32](3), Parallelism: pointer[int32](2), BackoffLimit: pointer[int32](0), TTLSecondsAfterFinished: pointer[int32](60), Template: once}},
		&batchv1.CronJob{ObjectMeta: bare, Spec: batchv1.CronJobSpec{Schedule: "*/5 * * * *", ConcurrencyPolicy: batchv1.ForbidConcurrent, JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: once}}}},
		&rbacv1.Role{ObjectMeta: bare, Rules: rules},
		&rbacv1.RoleBinding{ObjectMeta: bare, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "sample"}},
		&rbacv1.ClusterRole{ObjectMeta: bare, Rules: append(rules, rbacv1.PolicyRule{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}})},
		&rbacv1.ClusterRoleBinding{ObjectMeta: bare, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"}},
		&networkingv1.Ingress{ObjectMeta: bare, Spec: networkingv1.IngressSpec{
			IngressClassName: pointer("public"), TLS: []networkingv1.IngressTLS{{Hosts: []string{"a.example"}, SecretName: "tls"}},
			Rules: []networkingv1.IngressRule{{Host: "a.example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
				Path: "/", PathType: pointer(networkingv1.PathTypePrefix),
				Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}},
			}}}}}},
		}},
		&networkingv1.NetworkPolicy{ObjectMeta: bare, Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				Ports: []networkingv1.NetworkPolicyPort{{Port: pointer(intstr.FromString("web")), Protocol: pointer(corev1.ProtocolTCP)}, {Port: pointer(intstr.FromInt32(80)), EndPort: pointer[int32](90)}},
				From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}, {IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}}},
			}},
		}},
		&policyv1.PodDisruptionBudget{ObjectMeta: bare, Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: pointer(intstr.FromString("50%")), Selector: selector}},
		&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: bare, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "sample"}, MinReplicas: pointer[int32](2), MaxReplicas: 5,
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: "cpu", Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: pointer[int32](80)}}}},
		}},
		&coordinationv1.Lease{ObjectMeta: bare, Spec: coordinationv1.LeaseSpec{
			HolderIdentity: pointer("me"), LeaseDurationSeconds: pointer[int32](15), RenewTime: pointer(metav1.NewMicroTime(metav1.Unix(1700000000, 123456000).Time)),
		}},
		&discoveryv1.EndpointSlice{ObjectMeta: bare, AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.244.9.9"}, Conditions: discoveryv1.EndpointConditions{Ready: pointer(false)}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "x", Namespace: namespace}}},
			Ports:     []discoveryv1.EndpointPort{{Name: pointer("http"), Port: pointer[int32](80), Protocol: pointer(corev1.ProtocolTCP)}},
		},
		&schedulingv1.PriorityClass{ObjectMeta: bare, Value: -5, Description: "low", PreemptionPolicy: pointer(corev1.PreemptNever)},
		&storagev1.StorageClass{ObjectMeta: bare, Provisioner: "example.org/disk", Parameters: map[string]string{"type": "fast"}, AllowVolumeExpansion: pointer(true)},
		&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: bare, Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "check.example.org", ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: namespace, Name: "hook", Path: pointer("/check")}, CABundle: []byte("none")},
			Rules:         []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{admissionv1.Create}, Rule: admissionv1.Rule{APIGroups: []string{"example.org"}, APIVersions: []string{"v1"}, Resources: []string{"nothings"}}}},
			FailurePolicy: pointer(admissionv1.Ignore), SideEffects: pointer(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
			ObjectSelector: selector,
		}}},
		&admissionv1.MutatingWebhookConfiguration{ObjectMeta: bare, Webhooks: []admissionv1.MutatingWebhook{{
			Name: "change.example.org", ClientConfig: admissionv1.WebhookClientConfig{URL: pointer("https://127.0.0.1/x")},
			SideEffects: pointer(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"}, ReinvocationPolicy: pointer(admissionv1.IfNeededReinvocationPolicy),
		}}},
	}
}

// richPod has one of each kind of thing that a pod can hold.
func richPod() corev1.PodSpec {
	probe := func(handler corev1.ProbeHandler) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: handler, InitialDelaySeconds: 1, PeriodSeconds: 7}
	}
	everyVolume := []corev1.VolumeSource{
		{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: pointer(resource.MustParse("1Gi"))}},
		{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Items: []corev1.KeyToPath{{Key: "a", Path: "b", Mode: pointer[int32](0o400)}}, Optional: pointer(true)}},
		{Secret: &corev1.SecretVolumeSource{SecretName: "keys", DefaultMode: pointer[int32](0o600)}},
		{HostPath: &corev1.HostPathVolumeSource{Path: "/tmp", Type: pointer(corev1.HostPathDirectory)}},
		{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}}}}},
		{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data", ReadOnly: true}},
		{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: "istio-ca", ExpirationSeconds: pointer[int64](3600), Path: "token"}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "root"}}},
		}}},
	}
	volumes := make([]corev1.Volume, len(everyVolume))
	for i, source := range everyVolume {
		volumes[i] = corev1.Volume{Name: fmt.Sprintf("v%d", i), VolumeSource: source}
	}
	return corev1.PodSpec{
		ServiceAccountName:            "default",
		AutomountServiceAccountToken:  pointer(false), // the volume's name would be random
		HostAliases:                   []corev1.HostAlias{{IP: "10.1.2.3", Hostnames: []string{"alias.example"}}},
		NodeSelector:                  map[string]string{"disk": "fast"},
		Tolerations:                   []corev1.Toleration{{Key: "k", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: pointer[int64](5)}},
		TerminationGracePeriodSeconds: pointer[int64](0),
		SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: pointer(true), FSGroup: pointer[int64](1000), Sysctls: []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}},
		Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
			Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "sample"}}},
		}}}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: &metav1.LabelSelector{}}},
		Volumes:                   volumes,
		InitContainers:            []corev1.Container{{Name: "first", Image: curlImage, RestartPolicy: pointer(corev1.ContainerRestartPolicyAlways), Args: []string{"", "--flag"}}},
		Containers: []corev1.Container{{
			Name: "main", Image: curlImage, Command: []string{"sh", "-c"}, Args: []string{"true"}, WorkingDir: "/", TTY: true, Stdin: true, StdinOnce: true,
			ImagePullPolicy: corev1.PullNever,
			Ports:           []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}, {ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
			Env: []corev1.EnvVar{
				{Name: "PLAIN", Value: "x"}, {Name: "EMPTY"},
				{Name: "POD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
				{Name: "CPU", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu", Divisor: resource.MustParse("1m")}}},
				{Name: "KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "k", Optional: pointer(false)}}},
			},
			EnvFrom: []corev1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{"cpu": resource.MustParse("0.1"), "memory": resource.MustParse("64Mi")},
				Limits:   corev1.ResourceList{"cpu": resource.MustParse("2"), "memory": resource.MustParse("1e8")},
			},
			VolumeMounts:   []corev1.VolumeMount{{Name: "v0", MountPath: "/scratch"}, {Name: "v1", MountPath: "/etc/one", SubPath: "b", ReadOnly: true}},
			LivenessProbe:  probe(corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/live", Port: intstr.FromString("web"), HTTPHeaders: []corev1.HTTPHeader{{Name: "A", Value: "b"}}}}),
			ReadinessProbe: probe(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8080)}}),
			StartupProbe:   probe(corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}),
			Lifecycle:      &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 1}}},
			SecurityContext: &corev1.SecurityContext{
				Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}, Drop: []corev1.Capability{"ALL"}}, ReadOnlyRootFilesystem: pointer(true),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		}},
	}
}
