# There are no processes and no network.
try:
    import subprocess

    subprocess.run(["true"])
except Exception:
    print("no processes")
try:
    import socket

    socket.socket().connect(("127.0.0.1", 80))
except Exception:
    print("no network")
# expected
#> no processes
#> no network
