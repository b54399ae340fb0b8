/* Where data and holes lie in a file, and which of its extents are shared. */
#ifndef ALIGN_EXTENT_H
#define ALIGN_EXTENT_H

#include "align/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fiemap;

struct align_range {
	off_t start, end; /* bytes; end is the first byte behind */
};

/* The first range of data at or after byte AT and before END, by lseek(2) SEEK_DATA and SEEK_HOLE.
 * Returns 1 (found), 0 (only a hole is left) or -errno. Where the file system knows no holes all
 * is data. Moves the descriptor's position. */
int align_extent_data(int fd, off_t at, off_t end, struct align_range *data);

/* How many bytes of holes lie in [AT, END): a positive number, 0, or -errno. */
off_t align_extent_holes(int fd, off_t at, off_t end);

/* By FIEMAP: how many bytes of [OFF, OFF + LEN) are mapped to extents, and how many of these lie in
 * extents that other files or ranges use too. LEN 0: to the end of the file. 0 or -errno. */
int align_extent_shared(int fd, off_t off, off_t len, uint64_t *shared, uint64_t *mapped,
			struct tx_err *err);

/* By FIEMAP: whether the files A and B, both open for reading, on one file system and SIZE bytes long,
 * have all their bytes in the same places of the disk, and so the same bytes. What is not written
 * yet is written first. Of a compressed extent FIEMAP tells the place of the whole, so that two
 * parts of one look the same: it counts as the same only where COMPRESSED. 1, 0 (or it cannot be
 * told) or -errno. */
int align_extent_same(int a, int b, off_t size, bool compressed);

/* The extents of one file, asked for by FIEMAP as they are needed. */
struct align_extents {
	int fd; /* borrowed */
	off_t end; /* bytes: nobody will ask for more */
	struct fiemap *map; /* owned */
	off_t from, to; /* what the map tells of */
	off_t last; /* what was asked for last */
	unsigned int at; /* the extent in it that was looked at last */
};

void align_extents_init(struct align_extents *extents, int fd, off_t end);
void align_extents_release(struct align_extents *extents);

/* Whether the same physical address means the same bytes in both files: they are on one file system,
 * and it is btrfs or XFS. */
bool align_extents_comparable(const struct align_extents *a, const struct align_extents *b);

enum align_alike { ALIGN_UNKNOWN, ALIGN_SAME_EXTENT, ALIGN_BOTH_HOLES };

/* What can be said without reading of the *LEN bytes at A_OFF and at B_OFF; *LEN becomes how many of
 * them, at least one, it is said of. What was written and is not on the disk yet is written first.
 * Inline, compressed and preallocated extents are unknown: their addresses prove nothing. */
enum align_alike align_extents_alike(struct align_extents *a, off_t a_off, struct align_extents *b,
				     off_t b_off, off_t *len);

#endif
