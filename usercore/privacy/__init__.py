"""Erasing and exporting users. What is personal about them is what the rows of each capability declare."""
