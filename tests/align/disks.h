/* The file systems that the tests of this floor are about, in the scene's directory: those of the
 * scene, and "xfs64k" (blocks of 64K), "xfsplain" (no reflinks), "ext4", "tmpfs". */
#ifndef TESTS_DISKS_H
#define TESTS_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct disk {
	const char *name;
	uint32_t block; /* bytes */
	bool clones;
	bool there; /* this kernel could mount it */
};

#define DISKS 6
extern struct disk disks[DISKS];

/* Opens the scene and mounts the rest in it; false when it was skipped. */
bool disks_open(const char *promise);
void disks_close(void);

/* A new file on that disk, instead of an old one of this name, open for reading and writing. */
int disk_file(const char *disk, const char *name);

/* SIZE bytes of a pattern that repeats nowhere and differs with SEED, at byte OFF. */
void disk_fill(int fd, off_t off, off_t size, unsigned int seed);

/* Whether [AT, AT + LEN) holds the pattern from its byte FROM on. */
bool disk_holds(int fd, off_t at, off_t len, off_t from, unsigned int seed);
bool disk_is_zero(int fd, off_t at, off_t len);

/* Bytes of [OFF, OFF + LEN) that share their place with other files; -1: it does not tell. */
long long disk_shared(int fd, off_t off, off_t len);

#endif
