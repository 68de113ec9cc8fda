"""Statistics of a tenant: registrations by day, active users, and the formats of password hashes."""
