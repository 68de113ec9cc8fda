"""Meta: text values of users by key, with rules that the host declares."""
