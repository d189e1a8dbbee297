"""View models: from what the operations answer to what the templates show. Pure functions."""
