"""SPDY/3.1, the part of it that remote command and port-forward use, on the server's side."""

from pocketmesh.api.streams.spdy.connection import Connection, Stream, Wire

__all__ = ["Connection", "Stream", "Wire"]
