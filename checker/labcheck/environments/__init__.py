"""Running labs: what is remembered of each, which provider runs its cluster, and its way from up to down."""
