"""Addresses, names and connections between pods; nothing ever leaves the machine."""
