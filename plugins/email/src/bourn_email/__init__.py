"""The email destination: a message with a link to the stored result."""
