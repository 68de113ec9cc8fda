"""Managing the addresses of users: adding, changing by requests that are decided, and removing."""
