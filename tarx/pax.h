/* A member's header as bytes: [x header, its records,] ustar header. Pure: what is done to it once
 * libarchive has encoded it. See pax(1), "pax Interchange Format", and FORMAT in HACKING.md. */
#ifndef TARX_PAX_H
#define TARX_PAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARX_BLOCK 512u

/* Takes the records with the keyword KEY out, and the x header with them where it was the last.
 * Returns the new length. */
size_t tarx_pax_drop(char *bytes, size_t len, const char *key);

/* How many bytes the header of LEN BYTES must grow so that the payload behind it starts on a
 * multiple of ALIGN (a power of two from 512 on), where the header itself starts at byte AT. With
 * ALIGN 512 the answer is 0, or what mends a body that other readers stumble over. Returns a
 * multiple of 512, or SIZE_MAX: only with an x header larger than readers take. */
size_t tarx_pax_padding(const char *bytes, size_t len, uint64_t at, uint32_t align);

/* Grows the header by MORE bytes as tarx_pax_padding() said, with comment records behind the
 * others; BYTES has room for them. Returns the new length. */
size_t tarx_pax_grow(char *bytes, size_t len, size_t more);

#endif
