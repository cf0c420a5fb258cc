"""Fitting models: data sets with their protocols, losses and miners, a resumable run folder, recall as the judge."""
