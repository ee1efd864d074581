"""Tests of the WebDAV door and the pages beside it."""
