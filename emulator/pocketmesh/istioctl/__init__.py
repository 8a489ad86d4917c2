"""A small stand-in for istioctl, for learners who have none: what the labs need of it, in its words.

An ordinary client of whatever cluster a kubeconfig names. It has Istio's objects from `pocketmesh.istio` and
nothing else of the cluster's insides. What it does not do it refuses by name: the real istioctl does it.
"""
