"""Labs in a cluster that was there before: asked for permission first, in namespaces of the lab's own."""
