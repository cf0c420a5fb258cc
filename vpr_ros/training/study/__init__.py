"""The papers' claims in miniature: aggregations side by side on one frozen backbone, with seeds and deviations."""
