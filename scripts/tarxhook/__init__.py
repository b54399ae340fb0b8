"""The hook of CRIU: a container's state into one archive while it is frozen, and back before it is restored."""
