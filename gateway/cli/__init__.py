"""The commands. `entry.main` is where the program begins; each command stands in a module that is imported when used."""
