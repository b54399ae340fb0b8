/* Changes to modes as chmod(1) reads them. Pure. */
#ifndef TARX_CHMOD_H
#define TARX_CHMOD_H

#include <sys/stat.h>

/* Applies CHANGES ("755", "u+w,go=rX") to *MODE, which has its type; UMASK counts where no one is
 * named ("+w"). Returns 0, or -1: it is none, and *MODE is as it was. */
int tarx_chmod(const char *changes, mode_t umask, mode_t *mode);

#endif
