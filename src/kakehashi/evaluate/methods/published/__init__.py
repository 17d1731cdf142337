"""Published methods, at pinned revisions of their data; one module a method."""
