"""The files and the doors to them: vault, catalogue, file system, SFTP, WebDAV, portal and commands."""
