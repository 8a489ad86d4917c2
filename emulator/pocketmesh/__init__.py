"""A Kubernetes API with an ambient mesh, in one process.

Nothing here knows labs, grading or learners: whoever starts a cluster talks to it through a
kubeconfig, as to any other.
"""
