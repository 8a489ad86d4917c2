"""curl, on libcurl: its options and output are ours, its protocols and its failures are libcurl's own."""

from pocketmesh.node.commands.curl.command import curl

__all__ = ["curl"]
