"""Marks windows of a program for `llem-agent measure --windows PATH`, which tells the joules of each.

    from llem_windows import window

    with window("prefill") as w:
        ...
        w.tokens = 512                # optional: joules per token follow

    w = begin("decode", batch=8)      # or by hand; attributes are kept with the window
    ...
    end(w, tokens=128)

The agent tells where its socket is by the environment variable LLEM_WINDOWS. Without it nothing happens, which is said
once on standard error. Times are time.monotonic_ns() of this process, so the agent's delay is not in them; a window costs
the program some tens of microseconds. A GPU works on after a call has returned: synchronise before a window's ends
(torch.cuda.synchronize()), or it gets its neighbour's joules.

Standard library only, Python 3.8 or newer. Copy this file beside your program.
"""

import atexit
import json
import os
import socket
import sys
import threading
import time

__all__ = ["Window", "begin", "end", "window"]

_CONNECT_S = 1.0
_FLUSH_S = 1.0
# Lines that wait for an agent that does not read: about ten thousand windows.
_MOST_WAITING_BYTES = 2 * 1024 * 1024


class _Channel:
    """The connection to the agent, made at the first window. Never raises and never waits for the agent."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.socket = None
        self.waiting = bytearray()
        self.given_up = False
        self.last_id = 0

    def next_id(self):
        with self.lock:
            self.last_id += 1
            return self.last_id

    def send(self, line):
        with self.lock:
            if self.given_up or (self.socket is None and not self._connect()):
                return
            self.waiting += line
            try:
                del self.waiting[: self.socket.send(self.waiting)]
            except BlockingIOError:
                if len(self.waiting) > _MOST_WAITING_BYTES:
                    self._give_up("the agent does not read its socket")
            except OSError as error:
                self._give_up("the agent is gone (%s)" % error)

    def flush(self):
        """At the program's end: what the agent has not taken yet may wait for it a little."""
        with self.lock:
            if self.socket is None or not self.waiting:
                return
            try:
                self.socket.settimeout(_FLUSH_S)
                self.socket.sendall(self.waiting)
            except OSError as error:
                self._give_up("the agent is gone (%s)" % error)

    def _connect(self):
        if not self.path:
            return self._give_up("LLEM_WINDOWS names no socket (llem-agent measure --windows PATH sets it)")
        try:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(_CONNECT_S)
            self.socket.connect(self.path)
            self.socket.setblocking(False)
            return True
        except (OSError, AttributeError) as error:
            return self._give_up("nobody listens on %s (%s)" % (self.path, error))

    def _give_up(self, why):
        self.given_up = True
        self.socket = None
        self.waiting = bytearray()
        print("llem: no windows are recorded: %s" % why, file=sys.stderr)
        return False


_channel = _Channel(os.environ.get("LLEM_WINDOWS"))


def _after_fork():
    # A connection is one process's own: the child makes another.
    global _channel
    _channel = _Channel(_channel.path)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(lambda: _channel.flush())


class Window:
    """An open window. Set `tokens` or `requests` before it ends, and joules per token and request follow."""

    __slots__ = ("id", "tokens", "requests", "_channel")

    def __init__(self, name, attributes):
        channel = self._channel = _channel
        self.id = channel.next_id()
        self.tokens = None
        self.requests = None
        more = ', "attributes": %s' % json.dumps(attributes) if attributes else ""
        head = '{"begin": %s, "id": %d%s, "t_ns": ' % (json.dumps(name), self.id, more)
        # As late as can be: what was done for the mark is not in the window.
        channel.send(("%s%d}\n" % (head, time.monotonic_ns())).encode())

    def end(self, tokens=None, requests=None):
        t_ns = time.monotonic_ns()
        line = {"end": self.id, "t_ns": t_ns}
        tokens = self.tokens if tokens is None else tokens
        requests = self.requests if requests is None else requests
        if tokens is not None:
            line["tokens"] = int(tokens)
        if requests is not None:
            line["requests"] = int(requests)
        # A forked process holds copies of windows that its parent will end.
        if self._channel is _channel:
            self._channel.send((json.dumps(line) + "\n").encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def begin(name, **attributes):
    """Begins a window. Windows may nest and overlap, in any thread. Attributes: text, numbers, true or false."""
    return Window(name, attributes)


def end(which, tokens=None, requests=None):
    """Ends a window, with how many tokens and requests it stood for, where that is known."""
    which.end(tokens, requests)


def window(name, **attributes):
    """`with window("prefill") as w:`; the window ends with the block, also by an exception."""
    return Window(name, attributes)
