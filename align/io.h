/* Whole reads and writes, opening beneath a directory, sorted directory reading. */
#ifndef ALIGN_IO_H
#define ALIGN_IO_H

#include "align/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads up to N bytes at byte OFF, going on after short reads and signals. Returns the count, less
 * than N only at the end of the file, or -errno. */
ssize_t tx_read_at(int fd, void *buf, size_t n, off_t off);

/* The same from where a stream stands: a pipe, a terminal, standard input. */
ssize_t tx_read_stream(int fd, void *buf, size_t n);

/* Writes all N bytes at byte OFF. Returns 0 or -errno. */
int tx_write_at(int fd, const void *buf, size_t n, off_t off);

/* Writes all N bytes where a stream stands. Returns 0 or -errno. */
int tx_write_stream(int fd, const void *buf, size_t n);

/* openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS: PATH, relative and of any length, is
 * opened beneath ROOT or not at all; O_CLOEXEC is added. Symbolic links on the way are followed as
 * long as they stay beneath ROOT (on a path over PATH_MAX: beneath the part opened so far).
 * Returns the descriptor or -errno (EXDEV: PATH would leave ROOT). */
int tx_open_beneath(int root, const char *path, int flags, mode_t mode);

/* As tx_open_beneath(), but no symbolic link is followed anywhere (ELOOP). */
int tx_open_beneath_nofollow(int root, const char *path, int flags, mode_t mode);

/* The names in a directory without "." and "..", sorted by their bytes. */
struct tx_name {
	const char *name; /* borrowed from the text below */
	ino_t ino; /* as the directory has it: of what is mounted there it is another */
	unsigned char
		type; /* DT_REG, DT_DIR ... of readdir(3), a hint; DT_UNKNOWN where not told */
};

struct tx_names {
	struct tx_name *list; /* owned */
	size_t count;
	char *text; /* owned */
};

/* Reads the directory FD from its start; FD stays open and is the caller's. 0 or -errno. */
int tx_names_read(struct tx_names *names, int fd);

/* The order of their inodes instead, which is often that of the disk. */
void tx_names_sort_by_inode(struct tx_names *names);
void tx_names_release(struct tx_names *names);

/* "/proc/self/fd/N", for system calls that take no descriptor, or none of O_PATH. */
#define TX_PROC_ROOM 32
void tx_proc_path(char out[TX_PROC_ROOM], int fd);

#endif
