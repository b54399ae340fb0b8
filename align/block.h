/* Arithmetic of blocks. Pure; BLOCK is a power of two, everything is in bytes. */
#ifndef ALIGN_BLOCK_H
#define ALIGN_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The largest multiple of BLOCK that is at most N. */
static inline uint64_t align_down(uint64_t n, uint64_t block)
{
	return n & ~(block - 1);
}

/* The smallest multiple of BLOCK that is at least N; N must leave room for it below 2^64. */
static inline uint64_t align_up(uint64_t n, uint64_t block)
{
	return align_down(n + (block - 1), block);
}

/* How many bytes are missing from END to the next multiple of BLOCK, 0 where it is one. */
static inline uint64_t align_gap(uint64_t end, uint64_t block)
{
	return (block - (end & (block - 1))) & (block - 1);
}

static inline bool align_is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

#endif
