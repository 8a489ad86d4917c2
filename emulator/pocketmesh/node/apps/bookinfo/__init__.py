"""Istio's Bookinfo: four services that call each other with connections made from their own pods.

Upstream: istio/istio samples/bookinfo. The texts of descriptions and reviews are our own; names, paths,
fields, codes and the messages of failures are upstream's. The versions with a database are not here.
"""
