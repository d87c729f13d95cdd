"""An RTSP camera for tests: GStreamer's RTSP server, run by the system's Python as a process of its own.

    /usr/bin/python3 rtsp_server.py --port 0 --codec H264 --audio PCMA [--user u --password p --auth basic|digest]

Serves ``/live``, prints ``ready PORT`` and runs until its standard input closes. ``--silent-audio`` serves sound alone;
``--no-sets`` leaves the parameter sets out of the stream, so that only the description carries them.
"""

from __future__ import annotations

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

SMALL = "speed-preset=ultrafast key-int-max=10 bitrate=200"
VIDEO = {
    "H264": f"x264enc tune=zerolatency sliced-threads=false threads=1 {SMALL} ! h264parse"
    " ! rtph264pay name=pay0 pt=96 config-interval={interval}",
    "H265": f"x265enc tune=zerolatency {SMALL} ! h265parse ! rtph265pay name=pay0 pt=96 config-interval={{interval}}",
    "JPEG": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}
AUDIO = {
    "PCMA": "audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay{n} pt=8",
    "PCMU": "audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay{n} pt=0",
    "AAC": "audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1 ! avenc_aac bitrate=32000"
    " ! aacparse ! rtpmp4gpay name=pay{n} pt=97",
}


def launch_line(options: argparse.Namespace) -> str:
    """The pipeline of one client."""
    parts = []
    if options.codec:
        video = VIDEO[options.codec].format(interval=0 if options.no_sets else -1)
        caps = "video/x-raw,format=I420,width=320,height=180,framerate=10/1"
        parts.append(f"videotestsrc is-live=true pattern=ball ! {caps} ! {video}")
    if options.audio:
        sound = AUDIO[options.audio].format(n=len(parts))
        parts.append(f"audiotestsrc is-live=true freq=440 ! {sound}")
    return "( " + " ".join(parts) + " )"


def protect(server: GstRtspServer.RTSPServer, options: argparse.Namespace) -> None:
    """Ask every client for a user and a password."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if options.auth == "digest":
        auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
        auth.add_digest(options.user, options.password, token)
    else:
        auth.set_supported_methods(1)  # GST_RTSP_AUTH_BASIC
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    server.set_auth(auth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="0")
    parser.add_argument("--codec", choices=[*VIDEO, ""], default="H264")
    parser.add_argument("--audio", choices=[*AUDIO, ""], default="")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", choices=["basic", "digest"], default="digest")
    parser.add_argument("--no-sets", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch_line(options))
    factory.set_shared(True)
    if options.user:
        protect(server, options)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/live", factory)
    if server.attach(None) == 0:
        sys.exit("the port cannot be had")
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    print(f"ready {server.get_bound_port()}", flush=True)
    loop.run()


if __name__ == "__main__":
    main()
