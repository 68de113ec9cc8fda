"""Authorization: managing roles, giving them to users, and what users are allowed."""
