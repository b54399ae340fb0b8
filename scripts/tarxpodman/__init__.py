"""podman container checkpoint and restore through tarx, which shares what podman would copy."""
