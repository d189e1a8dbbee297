"""Where the parts are put together, and what the doors may ask of the whole."""
