"""Registration: by the host, for an external system, by a mailed link, and from the details of a directory."""
