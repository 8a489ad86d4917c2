"""httpbin: answers that describe the request, or that are what its path asks for.

Two programs share it: go-httpbin (mccutchen/go-httpbin 2.15), whose values are lists, and the older one
in Python (postmanlabs/httpbin 0.9). Pages for browsers, digest authentication, brotli and pictures of
any size are not here; what would be streamed comes in one piece.
"""
