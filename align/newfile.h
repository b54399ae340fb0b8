/* A file that appears under its name only when it is complete. */
#ifndef ALIGN_NEWFILE_H
#define ALIGN_NEWFILE_H

#include "align/err.h"
#include "align/undo.h"

#include <stdbool.h>
#include <sys/stat.h>

struct tx_newfile {
	int fd; /* owned; opened for reading and writing */
	int dir; /* owned; where the name will be */
	char *name; /* owned; in that directory */
	char temp[TX_TEMP_ROOM]; /* its name until then; empty: it has none (O_TMPFILE) */
	bool in_place; /* no regular file: a device, a FIFO; written where it is */
	bool replaces; /* a regular file of that name was there, and is OLD */
	struct stat old;
};

/* A name that nobody else will choose, for what is not complete yet. */
void tx_temp_name(char name[TX_TEMP_ROOM]);

/* Begins a file that will be PATH. A regular file that is there stays as it is until the commit,
 * which gives its mode and owner to the new one; a symbolic link is followed where it
 * leads to something, and refused where not; anything else is
 * opened for writing as it stands. Returns 0 or -errno. */
int tx_newfile_open(struct tx_newfile *file, const char *path, struct tx_err *err);

/* Gives the file its name, in place of what had it: link(2), rename(2). SYNC: the name is on disk
 * when this returns (the bytes are the caller's business). Returns 0 or -errno. */
int tx_newfile_commit(struct tx_newfile *file, bool sync, struct tx_err *err);

/* Closes, and removes what was not committed. */
void tx_newfile_release(struct tx_newfile *file);

#endif
