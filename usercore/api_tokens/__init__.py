"""API tokens: issuing, granting, checking and revoking them."""
