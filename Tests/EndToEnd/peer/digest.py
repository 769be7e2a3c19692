"""Digest answers of a client (RFC 2617, RFC 7616, RFC 8760)."""

import hashlib
import re


def challenges(values):
    """The parameters of each `WWW-Authenticate: Digest …` value."""
    found = []
    for value in values:
        scheme, _, rest = value.partition(" ")
        if scheme.lower() != "digest":
            continue
        pairs = re.findall(r"([A-Za-z-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s,]+)", rest)
        found.append({key.lower(): text.strip('"') for key, text in pairs})
    return found


def _hash(algorithm):
    name = (algorithm or "MD5").upper().removesuffix("-SESS")
    kind = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[name]
    return lambda text: hashlib.new(kind, text).hexdigest()


def response(username, password, realm, nonce, method, uri, algorithm=None, qop=None, nc=None, cnonce=None, body=b""):
    digest = _hash(algorithm)
    first = digest(f"{username}:{realm}:{password}".encode("utf-8"))
    second = f"{method}:{uri}".encode("utf-8")
    if qop == "auth-int":
        second += b":" + digest(body).encode()
    second = digest(second)
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return digest(f"{first}:{middle}:{second}".encode("utf-8"))


def authorization(challenge, username, password, method, uri, count=1, cnonce="7d5c1c0a"):
    """The Authorization value that answers one challenge."""
    qop = "auth" if "auth" in [part.strip() for part in challenge.get("qop", "").split(",")] else None
    nc = f"{count:08x}" if qop else None
    value = response(username, password, challenge["realm"], challenge["nonce"], method, uri,
                     challenge.get("algorithm"), qop, nc, cnonce if qop else None)
    parts = [f'username="{username}"', f'realm="{challenge["realm"]}"', f'nonce="{challenge["nonce"]}"', f'uri="{uri}"',
             f'response="{value}"']
    if "algorithm" in challenge:
        parts.append(f"algorithm={challenge['algorithm']}")
    if "opaque" in challenge:
        parts.append(f'opaque="{challenge["opaque"]}"')
    if qop:
        parts += [f"qop={qop}", f"nc={nc}", f'cnonce="{cnonce}"']
    return "Digest " + ", ".join(parts)
