"""MPEG-2 program stream as GB/T 28181 uses it (PS 封装): writer, reader and their structures."""
