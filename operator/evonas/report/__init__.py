"""What people look at after a search: plots and tables from the records of a journal or a cluster."""
