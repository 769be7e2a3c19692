"""Runs a program that the kernel refuses io_uring, as in many containers: without_io_uring.py PROGRAM [ARGUMENT …].

A seccomp filter answers io_uring_setup, _enter and _register with EPERM (seccomp(2)).
"""

import ctypes
import os
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: load word, jump if equal, return
_ALLOW, _EPERM = 0x7FFF0000, 0x00050000 | 1
_IO_URING = (425, 426, 427)  # the same numbers on every architecture


def refuse_io_uring():
    program = [struct.pack("HBBI", _LOAD, 0, 0, 0)]
    for index, number in enumerate(_IO_URING):
        program.append(struct.pack("HBBI", _EQUAL, len(_IO_URING) - index, 0, number))
    program += [struct.pack("HBBI", _RETURN, 0, 0, _ALLOW), struct.pack("HBBI", _RETURN, 0, 0, _EPERM)]
    code = ctypes.create_string_buffer(b"".join(program))
    descriptor = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0 or libc.prctl(
            _PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.c_char_p(descriptor), zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter")


if __name__ == "__main__":
    refuse_io_uring()
    os.execv(sys.argv[1], sys.argv[1:])
