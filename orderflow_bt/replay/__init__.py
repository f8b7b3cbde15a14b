"""Practice on the recorded tape."""
