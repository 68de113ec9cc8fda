"""What spans capabilities, one file each."""
