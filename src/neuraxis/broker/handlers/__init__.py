"""One module per API: the handler, its versions and what it deliberately leaves out."""
