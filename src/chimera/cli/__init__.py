"""The command line: one of the doors to the service functions of `chimera.app`."""
