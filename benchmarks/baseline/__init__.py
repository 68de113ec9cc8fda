"""The baseline: what a specialist would write by hand for one call, directly on the standard driver.

The same tables, rows, settings, entities and library calls as usercore's, and each trick that is known to pay: constant
statement texts, one long-lived connection and cursor, as few statements as the rows allow, entities filled without
their constructors. Called *raw* in the results.
"""
