"""What a service keeps, asked from outside: its fragments, its calls, and what `earshot verify` says of them."""

import json
from types import SimpleNamespace

from peer import media_body


def streams(node):
    """The names of all streams, from the folder."""
    folder = node.data / "streams"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def fragments(node, stream):
    """All that ListFragments says of a stream, in the order of the numbers."""
    rows, token = [], None
    while True:
        fields = {"StreamName": stream, "MaxResults": 1000, **({"NextToken": token} if token else {})}
        status, _, body = node.signed("/listFragments", fields, timeout=30)
        assert status == 200, f"ListFragments of {stream}: {status} {body!r}"
        answer = json.loads(body)
        rows += answer["Fragments"]
        if not (token := answer.get("NextToken")):
            return sorted(rows, key=lambda row: row["FragmentNumber"])


def all_fragments(node):
    return {stream: fragments(node, stream) for stream in streams(node)}


def audio(node, stream, numbers):
    """{number: PCM} of fragments, by GetMediaForFragmentList."""
    found = {}
    for at in range(0, len(numbers), 500):
        status, _, body = node.signed(
            "/getMediaForFragmentList", {"StreamName": stream, "Fragments": numbers[at:at + 500]}, timeout=30)
        assert status == 200, f"GetMediaForFragmentList of {stream}: {status} {body[:300]!r}"
        found.update((chunk.number, chunk.pcm) for chunk in media_body.read_body(body))
    return found


def search(node, *arguments):
    """All calls that `earshot search` finds, newest first."""
    made = node.run("search", "--data", node.data, "--limit", "500", "--json", *arguments)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["calls"]


def verify(node, *arguments):
    """What `earshot verify` finds: its exit code, its findings by level, its summary."""
    made = node.run("verify", "--data", node.data, "--json", *arguments, timeout=60)
    lines = [json.loads(line) for line in made.stdout.splitlines()]
    assert lines and lines[-1]["kind"] == "summary", f"{made.stdout}\n{made.stderr}"
    *findings, summary = lines
    return SimpleNamespace(code=made.returncode, summary=summary, findings=findings,
                           bad=[finding for finding in findings if finding["level"] != "note"],
                           notes=[finding for finding in findings if finding["level"] == "note"])


def assert_clean(node):
    found = verify(node)
    assert found.code == 0 and found.summary["clean"], f"earshot verify: {found.bad}\n{found.summary}"
    return found


def forget_indexes(node):
    """Deletes every index of a service that does not run; gives how many there were."""
    gone = [*node.data.glob("streams/*/*.idx"), *node.data.glob("index.sqlite*")]
    for path in gone:
        path.unlink()
    return len(gone)
