"""A gateway in front of somebody's own bot: its folder made, its processes kept up."""
