"""RTSP (RFC 2326) as far as a camera is asked what it offers: addresses, authentication, descriptions. No I/O."""
