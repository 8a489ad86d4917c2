"""Waypoints and gateways: real Envoys, told what to do and looked after."""
