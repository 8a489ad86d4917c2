"""ValidatingWebhookConfigurations: whoever runs in the cluster has a word on what clients write.

Asked about what comes through the API's port; the cluster's own controllers write without asking, and
MutatingWebhookConfigurations are kept and never called. A webhook is reached over the cluster's network, or
at a URL on this machine. Follows k8s.io/apiserver/pkg/admission/plugin/webhook, whose texts these are.
"""
