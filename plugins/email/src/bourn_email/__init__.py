"""The email destination: a link to the result in the inbox, for certain and only when it is true."""
