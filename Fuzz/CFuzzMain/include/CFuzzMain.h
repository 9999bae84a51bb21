// Nothing to call from Swift: the program begins here.
