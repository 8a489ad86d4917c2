"""A cluster seen from outside, as any client sees it: through a kubeconfig and the API."""
