"""Labs on kind clusters: what the machine must have, and an Ansible playbook that makes the cluster."""
