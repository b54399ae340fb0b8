/* Names as 64 bits. */
#ifndef ALIGN_HASH_H
#define ALIGN_HASH_H

#include <stddef.h>
#include <stdint.h>

/* LEN bytes of NAME, and a number that tells names of different kinds apart; never 0. FNV-1a, and a finish that spreads
 * it over the low bits. */
static inline uint64_t align_hash(uint64_t kind, const char *name, size_t len)
{
	uint64_t h = 0xCBF29CE484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001B3u;
	h = (h ^ kind) * 0x9E3779B97F4A7C15u;
	h ^= h >> 29;
	return h ? h : 1;
}

#endif
