"""Hands-on Istio ambient mesh labs, graded by cluster state and by traffic."""
