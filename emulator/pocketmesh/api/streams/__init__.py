"""Long conversations with a container: exec, attach and port-forward, over WebSocket and over SPDY."""
