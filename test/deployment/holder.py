"""Stands in for systemd: holds a TCP and a unix socket and hands them to a program that it starts.

holder.py FOLDER WORD…: prints the port; then for each line on standard input starts the program (`start`) or ends it
(`stop`) and prints `started` or `stopped`. Ends with its input.
"""
import os, signal, socket, sys

folder, words = sys.argv[1], sys.argv[2:]
tcp = socket.socket(socket.AF_INET)
tcp.bind(("127.0.0.1", 0))
tcp.listen(128)
local = socket.socket(socket.AF_UNIX)
local.bind(os.path.join(folder, "lmtp.sock"))
os.chmod(os.path.join(folder, "lmtp.sock"), 0o666)
local.listen(128)
# Copies that nothing here closes.
held = [os.dup(tcp.fileno()), os.dup(local.fileno())]
print(tcp.getsockname()[1], flush=True)


def start():
    import fcntl
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in held]
    child = os.fork()
    if child == 0:
        for place, fd in enumerate(high):
            os.dup2(fd, 3 + place)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="smtp:lmtp")
        os.execvp(words[0], words)
    for fd in high:
        os.close(fd)
    return child


child = 0
for line in sys.stdin:
    if line.strip() == "start":
        child = start()
        print("started", flush=True)
    else:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        child = 0
        print("stopped", flush=True)
if child:
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
