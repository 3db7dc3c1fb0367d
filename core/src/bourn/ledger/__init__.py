"""The database of jobs and deliveries: who does what, how far it is, and where its bytes are."""
