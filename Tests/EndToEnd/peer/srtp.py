"""SRTP and SRTCP of RFC 3711, RFC 6188 and RFC 7714 in plain Python over libcrypto's AES, for the far end of a call.

Nothing of the service's code is in here; test_own_instruments.py checks it against published packets.
"""

import base64
import ctypes
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

_crypto = ctypes.CDLL("libcrypto.so.3")
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ctr", "EVP_aes_192_ctr", "EVP_aes_256_ctr", "EVP_aes_128_gcm",
              "EVP_aes_256_gcm"):
    getattr(_crypto, _name).restype = ctypes.c_void_p
_CTRL_GET_TAG, _CTRL_SET_TAG = 0x10, 0x11  # EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG


class SRTPFault(AssertionError):
    """A packet that is not authentic, or a call of libcrypto that failed."""


@dataclass(frozen=True)
class Suite:
    name: str
    key: int
    salt: int
    tag: int
    control_tag: int
    galois: bool = False


SUITES = {suite.name: suite for suite in [
    Suite(f"AES_CM_{bits}_HMAC_SHA1_{tag}", bits // 8, 14, tag // 8, 10) for bits in (128, 192, 256) for tag in (80, 32)
] + [Suite("AEAD_AES_128_GCM", 16, 12, 16, 16, True), Suite("AEAD_AES_256_GCM", 32, 12, 16, 16, True)]}


def _cipher(kind, key, iv, data, associated=None, tag=None, encrypt=True):
    """One run of an EVP cipher: (octets, tag)."""
    context = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    try:
        def check(result):
            if result <= 0:
                raise SRTPFault(f"libcrypto refused AES-{len(key) * 8}-{kind}")

        method = ctypes.c_void_p(getattr(_crypto, f"EVP_aes_{len(key) * 8}_{kind}")())
        start = _crypto.EVP_EncryptInit_ex if encrypt else _crypto.EVP_DecryptInit_ex
        update = _crypto.EVP_EncryptUpdate if encrypt else _crypto.EVP_DecryptUpdate
        final = _crypto.EVP_EncryptFinal_ex if encrypt else _crypto.EVP_DecryptFinal_ex
        check(start(context, method, None, key, iv))
        length, out = ctypes.c_int(), ctypes.create_string_buffer(len(data) + 16)
        if associated:
            check(update(context, None, ctypes.byref(length), associated, len(associated)))
        if data:
            check(update(context, out, ctypes.byref(length), data, len(data)))
        if tag is not None:
            check(_crypto.EVP_CIPHER_CTX_ctrl(context, _CTRL_SET_TAG, len(tag), ctypes.c_char_p(tag)))
        rest = ctypes.create_string_buffer(16)
        if final(context, rest, ctypes.byref(length)) <= 0:
            raise SRTPFault("the tag does not belong to the packet")
        made = ctypes.create_string_buffer(16)
        if kind == "gcm" and encrypt:
            check(_crypto.EVP_CIPHER_CTX_ctrl(context, _CTRL_GET_TAG, 16, made))
        return out.raw[:len(data)], made.raw
    finally:
        _crypto.EVP_CIPHER_CTX_free(context)


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Keys:
    """A master key with its salt, the session keys derived from it (RFC 3711 section 4.3), and the optional MKI."""

    def __init__(self, suite, key=None, salt=None, mki=b"", lifetime=None):
        """`lifetime` is only written into the line, as `2^20` or a number; nothing here keeps to it."""
        self.suite = SUITES[suite] if isinstance(suite, str) else suite
        self.key = os.urandom(self.suite.key) if key is None else key
        self.salt = os.urandom(self.suite.salt) if salt is None else salt
        self.mki, self.lifetime = mki, lifetime
        assert len(self.key) == self.suite.key and len(self.salt) == self.suite.salt
        self.cipher, self.auth, self.session_salt = (self._derive(label) for label in (0, 1, 2))
        self.control_cipher, self.control_auth, self.control_salt = (self._derive(label) for label in (3, 4, 5))

    def _derive(self, label):
        length = (self.suite.key, 20, self.suite.salt)[label % 3]
        salt = self.salt.ljust(14, b"\0")  # RFC 7714 section 11: 96 bits, filled up to 112
        iv = _xor(salt, bytes(7) + bytes([label]) + bytes(6)) + b"\0\0"
        return _cipher("ctr", self.key, iv, bytes(length))[0]

    @property
    def inline(self):
        """As it stands in `a=crypto`."""
        text = "inline:" + base64.b64encode(self.key + self.salt).decode()
        if self.lifetime:
            text += f"|{self.lifetime}"
        return text + (f"|{int.from_bytes(self.mki, 'big')}:{len(self.mki)}" if self.mki else "")

    def line(self, tag=1, parameters="", name=None):
        """The value of an `a=crypto` attribute."""
        return f"{tag} {name or self.suite.name} {self.inline}" + (f" {parameters}" if parameters else "")

    @classmethod
    def of_line(cls, value):
        """(tag, keys) of the `a=crypto` value that the server answered."""
        tag, name, parameter, *_ = value.split()
        parts = parameter.removeprefix("inline:").split("|")
        octets = base64.b64decode(parts[0], validate=True)
        suite = SUITES[name]
        assert len(octets) == suite.key + suite.salt, f"{name} needs {suite.key + suite.salt} octets, not {len(octets)}"
        mki = b""
        for part in parts[1:]:
            if ":" in part:
                number, length = map(int, part.split(":"))
                mki = number.to_bytes(length, "big")
        return int(tag), cls(suite, octets[:suite.key], octets[suite.key:], mki)


def header_length(packet):
    length = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        length += 4 + 4 * struct.unpack("!H", packet[length + 2:length + 4])[0]
    return length


def _counter_iv(salt, ssrc, index):
    return _xor(salt + b"\0\0", bytes(4) + struct.pack("!IQ", ssrc, index << 16))


def _mac(key, data, length):
    return hmac.new(key, data, hashlib.sha1).digest()[:length]


class Session:
    """Protects what is sent and opens what comes under one set of keys. Follows the roll-over counter of each SSRC."""

    def __init__(self, keys):
        self.keys = keys
        self.indexes = {}  # SSRC: the highest packet index
        self.control_index = 0

    def _index(self, ssrc, sequence):
        highest = self.indexes.get(ssrc)
        if highest is None:
            index = sequence
        else:
            base = highest >> 16
            near = min((abs((roll << 16 | sequence) - highest), roll) for roll in (base - 1, base, base + 1) if roll >= 0)
            index = near[1] << 16 | sequence
        self.indexes[ssrc] = max(index, highest or 0)
        return index

    def protect(self, packet):
        keys, suite = self.keys, self.keys.suite
        start = header_length(packet)
        header, payload = packet[:start], packet[start:]
        sequence, = struct.unpack("!H", packet[2:4])
        ssrc, = struct.unpack("!I", packet[8:12])
        index = self._index(ssrc, sequence)
        if suite.galois:
            iv = _xor(keys.session_salt, bytes(2) + struct.pack("!IIH", ssrc, index >> 16, sequence))
            payload, tag = _cipher("gcm", keys.cipher, iv, payload, header)
            return header + payload + tag + keys.mki
        payload = _cipher("ctr", keys.cipher, _counter_iv(keys.session_salt, ssrc, index), payload)[0]
        tag = _mac(keys.auth, header + payload + struct.pack("!I", index >> 16), suite.tag)
        return header + payload + keys.mki + tag

    def protect_control(self, packet, index=None):
        keys, suite = self.keys, self.keys.suite
        index = self.control_index if index is None else index
        self.control_index = index + 1
        header, body = packet[:8], packet[8:]
        ssrc, = struct.unpack("!I", packet[4:8])
        word = struct.pack("!I", 0x80000000 | index)
        if suite.galois:
            iv = _xor(keys.control_salt, bytes(2) + struct.pack("!IHI", ssrc, 0, index))
            body, tag = _cipher("gcm", keys.control_cipher, iv, body, header + word)
            return header + body + tag + word + keys.mki
        body = _cipher("ctr", keys.control_cipher, _counter_iv(keys.control_salt, ssrc, index), body)[0]
        return header + body + word + keys.mki + _mac(keys.control_auth, header + body + word, suite.control_tag)

    def unprotect_control(self, packet):
        """The compound inside; SRTPFault where it is not authentic."""
        keys, suite = self.keys, self.keys.suite
        ssrc, = struct.unpack("!I", packet[4:8])
        if suite.galois:
            end = len(packet) - len(keys.mki)
            word, tag, body = packet[end - 4:end], packet[end - 20:end - 4], packet[8:end - 20]
            index = struct.unpack("!I", word)[0] & 0x7FFFFFFF
            iv = _xor(keys.control_salt, bytes(2) + struct.pack("!IHI", ssrc, 0, index))
            return packet[:8] + _cipher("gcm", keys.control_cipher, iv, body, packet[:8] + word, tag, False)[0]
        end = len(packet) - suite.control_tag - len(keys.mki)
        word = packet[end - 4:end]
        if not hmac.compare_digest(_mac(keys.control_auth, packet[:end], suite.control_tag), packet[-suite.control_tag:]):
            raise SRTPFault("the tag does not belong to the packet")
        index = struct.unpack("!I", word)[0] & 0x7FFFFFFF
        assert word[0] & 0x80, "SRTCP without encryption"
        iv = _counter_iv(keys.control_salt, ssrc, index)
        return packet[:8] + _cipher("ctr", keys.control_cipher, iv, packet[8:end - 4])[0]
