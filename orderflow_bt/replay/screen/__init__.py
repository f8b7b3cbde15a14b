"""What is on screen as of the cursor, and the binary frames that carry it to a page."""
