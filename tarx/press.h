/* Compression of the archive being written, and other programs that do it. */
#ifndef TARX_PRESS_H
#define TARX_PRESS_H

#include "align/err.h"

#include <stddef.h>
#include <sys/types.h>

enum tarx_press {
	TARX_PRESS_NONE,
	TARX_PRESS_GZIP,
	TARX_PRESS_BZIP2,
	TARX_PRESS_XZ,
	TARX_PRESS_ZSTD,
	TARX_PRESS_LZ4,
	TARX_PRESS_LZMA,
	TARX_PRESS_LZIP,
	TARX_PRESS_COMPRESS,
	TARX_PRESS_COMMAND, /* a command of the shell */
};

struct tarx_presser;

/* What is written from now on goes compressed to FD, which stays the caller's. COMMAND: of
 * TARX_PRESS_COMMAND. Returns NULL where it cannot begin. */
struct tarx_presser *tarx_presser_open(enum tarx_press press, const char *command, int fd,
				       struct tx_err *err);

/* N bytes follow. 0 or -errno. */
int tarx_presser_write(struct tarx_presser *presser, const void *bytes, size_t n,
		       struct tx_err *err);

/* All was written: it is with FD when this returns. 0 or -errno. */
int tarx_presser_finish(struct tarx_presser *presser, struct tx_err *err);

/* Gives up what is not finished. PRESSER may be NULL. */
void tarx_presser_free(struct tarx_presser *presser);

/* Standard input becomes what "COMMAND -d" makes of ARCHIVE ("-": of standard input). The process, or -errno. */
pid_t tarx_unpresser_open(const char *command, const char *archive, struct tx_err *err);

/* All was read. 0, or -errno: the process failed. */
int tarx_unpresser_finish(pid_t pid, const char *command, struct tx_err *err);

#endif
