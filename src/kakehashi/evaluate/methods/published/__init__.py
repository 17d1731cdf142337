"""Published methods, at the revision of the data that the user has pulled."""
