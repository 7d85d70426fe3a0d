"""The networks, and how one of them is trained."""
