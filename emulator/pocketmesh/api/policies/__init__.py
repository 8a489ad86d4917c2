"""ValidatingAdmissionPolicies: rules that a cluster's owner sets for everybody's writes.

Follows k8s.io/apiserver/pkg/admission/plugin/policy. A write is matched first and judged then; both are
pure, and `policies` is the one module that looks at the store. Requests that change nothing stored (exec,
reviews) are not asked about, `authorizer` is not offered, and audit annotations go nowhere: there is no
audit log.
"""
