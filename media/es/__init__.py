"""Elementary streams: NAL units of H.264 and H.265, AAC in ADTS, G.711."""
