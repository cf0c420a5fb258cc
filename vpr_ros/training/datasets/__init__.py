"""Public data sets with their protocols, robot drives and simulated towns, one file each."""
