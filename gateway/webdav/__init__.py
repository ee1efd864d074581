"""The WebDAV door: cheroot carries HTTP, wsgidav serves the drive, `gateway.filesystem` decides."""
