"""What can be sent: what a result is, before and after it is computed."""
