/* A directory as a tar within the archive: --nest. */
#ifndef TARX_NEST_H
#define TARX_NEST_H

#include "tarx/tree.h"

/* Adds a member operand->nest whose content is a tar of what is in the directory operand->path, looked up in
 * BASE, and behind it the list of what was removed there, where --whiteouts asks for one. Payloads in the
 * nested tar are aligned in the archive too. Into a file it is written in its place, and its size into its
 * header when it is known; for a stream it is first written to a temporary file without a name. Tells what is
 * wrong. 0, or negative when the archive cannot be finished. */
int tarx_nest_add(struct tarx_creation *c, int base, const struct tarx_operand *operand);

#endif
