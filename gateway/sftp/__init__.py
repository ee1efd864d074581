"""The SFTP door: asyncssh on one side, the file system on the other."""
