"""Publishing: from a file on a disk to a name in a school's folder, all of it or nothing."""
