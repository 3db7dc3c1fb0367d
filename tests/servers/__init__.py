"""Real servers for tests, each in a folder and on a port of its own: PostgreSQL, and Ceph as an S3 service."""
