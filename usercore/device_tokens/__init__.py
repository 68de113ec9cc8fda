"""Device tokens: issued by the host for a device, and paired with the access tokens that are used on it."""
