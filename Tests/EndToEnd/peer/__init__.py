"""The far end of every call in this suite: a SIP and RTP peer, a Matroska reader and a record reader.

Nothing here shares code with the recorder; each instrument is checked against an outside reference in
test_own_instruments.py.
"""
