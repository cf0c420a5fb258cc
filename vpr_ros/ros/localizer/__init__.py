"""The node ``vpr_localizer`` and what it is made of."""
