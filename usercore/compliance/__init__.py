"""Checks of the policy, the host and the stored data against clauses of NIST SP 800-63B-4 and OWASP ASVS."""
