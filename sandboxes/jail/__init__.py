"""The jail: the OS layers around a worker. Standard library and ctypes only; the host starts it by path."""
