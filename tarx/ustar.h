/* The ustar header of an ordinary member, written by us: the same 512 bytes as libarchive's, at a small part of
 * the cost. Pure. See pax(1), "ustar Interchange Format". */
#ifndef TARX_USTAR_H
#define TARX_USTAR_H

#include "tarx/item.h"

#include <stdbool.h>
#include <stdint.h>

/* Writes the header of ITEM, with STORED bytes of payload, to 512 BYTES. False: a name or a number has no
 * room in it, or it is of no ordinary type; BYTES are then of no use. */
bool tarx_ustar_encode(char *bytes, const struct tarx_item *item, uint64_t stored);

#endif
