"""The base: what a specialist would write by hand for one call, on the standard driver, with nothing in between.

The same tables, rows, settings, entities and library calls as usercore's, and each trick that is known to pay:
statements whose text never changes, one connection and one cursor that live long, as few statements as the rows allow,
entities filled without their constructors. Called *raw* in the results.
"""
