"""Registration: by the host, for an external system, and by a mailed link."""
