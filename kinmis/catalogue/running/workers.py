"""
Worker processes that may die.

They are plain interpreters that get their work through a pipe. Which chunk a worker was at when
it died is known, the others go on, and none outlives this process: the pipe ends with it.
"""

import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress

__all__ = ["WorkerDiedError", "Workers", "main", "usable_cores"]

#: Seconds between two messages of how far the work has come.
TELL_EVERY = 0.1

_START = ("import sys; sys.path[:] = {path!r}; "
          "from kinmis.catalogue.running.workers import main; main()")


class WorkerDiedError(RuntimeError):
    """The process that did the work came to an end."""


def usable_cores():
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """
    A pool of worker processes, like those of `concurrent.futures`.

    Parameters
    ----------
    size : int
        Number of processes.
    tick : callable, optional
        What a function that is submitted may call as ``tick(value)`` in its process is called
        here.

    Examples
    --------
    >>> from kinmis.catalogue.running.workers import Workers
    >>> with Workers(1) as workers:
    ...     workers.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, size, tick=None):
        self.size, self.tick = size, tick
        self._work = queue.SimpleQueue()
        self._processes = {}
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, args=(number,), daemon=True)
                         for number in range(size)]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.shutdown()

    @property
    def pids(self):
        """Process identifiers of the workers that have been started."""
        return [process.pid for process in list(self._processes.values())]

    def submit(self, function, *arguments):
        """
        Call a function in a worker.

        Parameters
        ----------
        function : callable
            Sent by its name; one that takes ``tick`` is given one.
        *arguments
            What it is called with.

        Returns
        -------
        future : `concurrent.futures.Future`
            It raises `WorkerDiedError` if the worker comes to an end.
        """
        future = Future()
        self._work.put((future, pickle.dumps((function, arguments))))
        return future

    def shutdown(self):
        """End all workers, whatever they are at."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self, number):
        """Hand work to one worker, one after the other."""
        while (work := self._work.get()) is not None and not self._closed:
            future, message = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._ask(number, message))
            except BaseException as error:  # handed to whoever waits for the result
                future.set_exception(error)
        process = self._processes.pop(number, None)
        if process is not None:
            _end(process)

    def _ask(self, number, message):
        process = self._processes.get(number)
        if process is None:
            process = self._processes[number] = _start()
            if self._closed:
                process.kill()
        try:
            _send(process.stdin, message)
            while True:
                kind, value = pickle.loads(_receive(process.stdout))
                if kind == "result":
                    return value
                if kind == "error":
                    raise value
                for one in value if self.tick is not None else ():
                    self.tick(one)
        except (EOFError, BrokenPipeError) as error:
            del self._processes[number]
            code = _end(process)
            raise WorkerDiedError(f"a worker process came to an end (code {code})") from error


def _start():
    command = [sys.executable, "-c", _START.format(path=sys.path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _end(process):
    process.kill()
    code = process.wait()
    # what it was too dead to take is still in the buffer, and closing tries once more
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()
    return code


def _send(stream, message):
    stream.write(struct.pack(">Q", len(message)) + message)
    stream.flush()


def _receive(stream):
    size = struct.unpack(">Q", _exactly(stream, 8))[0]
    return _exactly(stream, size)


def _exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def main():
    """Do what comes through standard input, until it ends."""
    import signal
    # an interruption from the keyboard is for the process that gives the work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    come, back = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # whatever prints must not get between the messages
    os.dup2(2, 1)

    ticks, told = [], time.monotonic()

    def tell():
        nonlocal ticks, told
        if ticks:
            _send(back, pickle.dumps(("ticks", ticks)))
        ticks, told = [], time.monotonic()

    def tick(value):
        ticks.append(value)
        # each message wakes the process that gave the work
        if time.monotonic() > told + TELL_EVERY:
            tell()

    while True:
        try:
            message = _receive(come)
        except EOFError:
            # without the clean-up of an interpreter: nothing is left to be done
            os._exit(0)
        try:
            function, arguments = pickle.loads(message)
            counts = "tick" in getattr(getattr(function, "__code__", None), "co_varnames", ())
            message = pickle.dumps(("result", function(*arguments, **(
                {"tick": tick} if counts else {}))))
        except Exception as error:  # told to the process that gave the work
            message = _error_message(error)
        try:
            tell()
            _send(back, message)
        except BrokenPipeError:
            os._exit(0)


def _error_message(error):
    import traceback
    error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        message = pickle.dumps(("error", error))
        pickle.loads(message)
        return message
    except Exception:  # an error that can't be sent is sent as text
        return pickle.dumps(("error", RuntimeError("".join(traceback.format_exception(error)))))
