"""Who callers are and what they may do: certificates, ServiceAccount tokens, RBAC and the reviews of it."""
