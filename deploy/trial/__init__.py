"""What `deploy/try-containers.sh` runs: deploy/compose.yaml done by hand where there is no Docker.

It reads what a service is from compose.yaml and from its image, and holds none of it a second time. A service becomes
processes with a root, mounts, process numbers and a name of their own, as a container has; they share one network that
reaches nothing else. PostgreSQL and nginx are those of this machine, as their images are not fetched. Nothing of the
program is imported: it is asked as others ask it.
"""
