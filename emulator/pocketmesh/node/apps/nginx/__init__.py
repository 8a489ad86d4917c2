"""nginx, as far as it answers by itself: static files, `return`, `location`, `try_files`, headers.

What else a configuration says is named in the log and not done; a location that would hand the request on
to somebody else answers 501.
"""
