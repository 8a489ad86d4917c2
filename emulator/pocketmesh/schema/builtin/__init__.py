"""What kube-apiserver knows of the kinds it is built with, beyond their fields."""
