"""Postal addresses of users: types, versions that hold from a day on, and requests to change them."""
