"""What finds the cases of a source whose kind is known; its modules are imported when they are used."""
