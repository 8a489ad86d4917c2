"""What labcheck does with a cluster, through any kubeconfig. Only `access` imports the client library.

Importing this package is cheap; `connect` pays for what connections need when the first one is made.
"""

from labcheck.kube.cluster import Cluster, connect
from labcheck.kube.connection import import_client
from labcheck.kube.errors import ApiRefused, ExecTimeout, StreamEnded
from labcheck.kube.execution import Executed, Shell
from labcheck.kube.kinds import Kind

__all__ = [
    "ApiRefused",
    "Cluster",
    "ExecTimeout",
    "Executed",
    "Kind",
    "Shell",
    "StreamEnded",
    "connect",
    "import_client",
]
