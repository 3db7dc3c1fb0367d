"""Where bytes wait: objects that are visible whole or not at all, their links, and their end."""
