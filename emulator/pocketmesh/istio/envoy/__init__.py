"""The waypoint: a real Envoy, told what to do and looked after."""
