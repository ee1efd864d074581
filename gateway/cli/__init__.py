"""The commands. `entry.main` is where the program begins; each command stands in a module imported when used."""
