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

/* Takes out the records that say no more than the ustar header does: path, linkpath, uname, gname.
 * libarchive writes them where a name is not ASCII, and its readers then take the bytes for text, to
 * be converted or normalized; in the ustar header they stay what they are. Returns the new length. */
size_t tarx_pax_trim(char *bytes, size_t len);

/* Gives the member the x header that tarx_pax_add() makes, the records being what they are. */
void tarx_pax_renew(char *bytes, size_t len);

/* Fills in the checksum of one header block. */
void tarx_pax_sum(char *header);

/* The time in the ustar header becomes 0, for one that a record tells. */
void tarx_pax_clear_time(char *bytes, size_t len);

/* The device in the ustar header becomes MAJOR, MINOR, all digits of its fields used, and records of them go.
 * Numbers that do not fit (over 2097151) are left as they are. Returns the new length. */
size_t tarx_pax_device(char *bytes, size_t len, unsigned int major, unsigned int minor);

/* The bytes that a record takes, KEY_LEN and VALUE_LEN being the lengths of its two sides. */
size_t tarx_pax_record_size(size_t key_len, size_t value_len);

/* Adds the record "KEY=VALUE" behind the others, in an x header of its own if there is none; BYTES has room for
 * tarx_pax_record_size() + 1536 bytes more. Returns the new length. */
size_t tarx_pax_add(char *bytes, size_t len, const char *key, const void *value, size_t value_len);

/* Adds the N bytes at RECORDS, whole records, behind the others; BYTES has room for N + 1536 bytes more. Returns
 * the new length. */
size_t tarx_pax_add_records(char *bytes, size_t len, const char *records, size_t n);

/* How many bytes the header of LEN BYTES must grow so that the payload behind it starts on a
 * multiple of ALIGN (a power of two from 512 on), where the header itself starts at byte AT. With
 * ALIGN 512 the answer is 0, or what mends a body that other readers stumble over. Returns a
 * multiple of 512, or SIZE_MAX: only with an x header larger than readers take. */
size_t tarx_pax_padding(const char *bytes, size_t len, uint64_t at, uint32_t align);

/* Grows the header by MORE bytes as tarx_pax_padding() said, with comment records behind the
 * others; BYTES has room for them. Returns the new length. */
size_t tarx_pax_grow(char *bytes, size_t len, size_t more);

#endif
