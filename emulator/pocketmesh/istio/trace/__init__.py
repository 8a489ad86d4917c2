"""One request followed through the mesh: what happened at each station, and which object wanted that."""
