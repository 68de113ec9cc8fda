"""Mail: the few letters that usercore writes, and the ways they leave the house."""
