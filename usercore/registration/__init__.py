"""Registration: by the host, by an external system, and by a mailed link."""
