"""Tables of molecules: reading them, and turning them into stores."""
