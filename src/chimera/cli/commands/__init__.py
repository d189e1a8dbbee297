"""The commands, by what people want; importing a module adds its commands to the application."""
