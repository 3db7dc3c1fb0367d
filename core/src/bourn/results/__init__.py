"""What can be sent: kinds of results, inspection without computing, lazy objects."""
