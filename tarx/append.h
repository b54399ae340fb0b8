/* An archive that is there, made ready to grow in place. */
#ifndef TARX_APPEND_H
#define TARX_APPEND_H

#include "tarx/writer.h"

/* Opens the archive PATH for the members that follow its own, and locks it (flock(2)) against others
 * that do the same. What is no tar, compressed, damaged or no file is refused, untouched. A file that
 * is missing is a new archive, one of no bytes an empty one. LEFT_OVER becomes how many bytes other
 * than zeros lay behind the end mark: they are gone. Returns 0 or -errno. */
int tarx_append_open(struct tarx_writer *writer, const char *path, uint64_t *left_over,
		     struct tx_err *err);

#endif
