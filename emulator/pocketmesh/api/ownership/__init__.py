"""Who set which field: `metadata.managedFields` and server-side apply, as pure functions on dicts.

Follows sigs.k8s.io/structured-merge-diff and k8s.io/apimachinery/pkg/util/managedfields.
"""
